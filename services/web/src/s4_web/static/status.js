// Follows the status page live: each event says that something changed; the page itself says what.
const main = document.getElementById("status");
const live = document.getElementById("live");
let isAsking = false;
let isAskedAgain = false;

function take(fresh) {
  main.dataset.state = fresh.dataset.state;
  main.dataset.revision = fresh.dataset.revision;
  for (const part of fresh.querySelectorAll("[data-part]")) {
    const old = main.querySelector(`[data-part="${part.dataset.part}"]`);
    if (old.innerHTML !== part.innerHTML) {
      old.replaceChildren(...part.childNodes);
    }
  }
}

async function look() {
  if (isAsking) {
    isAskedAgain = true;
    return;
  }
  isAsking = true;
  try {
    const answer = await fetch(window.location.pathname, { headers: { "Accept": "text/html" } });
    if (answer.ok) {
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      take(page.getElementById("status"));
      document.title = page.title;
    }
  } catch {
    live.hidden = false;
  } finally {
    isAsking = false;
  }
  if (isAskedAgain) {
    isAskedAgain = false;
    await look();
  }
}

const events = new EventSource(`/status/events?after=${main.dataset.revision}`);
events.addEventListener("error", () => { live.hidden = false; });
events.addEventListener("open", () => {
  if (!live.hidden) {
    live.hidden = true;
    look();
  }
});
for (const name of ["paid", "step", "ready", "furl", "failed", "letter", "claimed", "refunded", "lost", "recovered"]) {
  events.addEventListener(name, look);
}

// The clock runs on between events.
setInterval(() => {
  const total = document.getElementById("total");
  if (total?.dataset.seconds) {
    const seconds = Number(total.dataset.seconds) + 0.1;
    total.dataset.seconds = seconds.toFixed(1);
    total.textContent = seconds < 60 ? `${seconds.toFixed(1)} s` : `${Math.floor(seconds / 60)} min ${Math.floor(seconds % 60)} s`;
  }
}, 100);
