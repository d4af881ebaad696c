// Follows an open invite: the page itself says what became of it, and is asked every few seconds while it is looked at.
const main = document.getElementById("invite");
const live = document.getElementById("live");
const pause = 3000;

function take(fresh) {
  main.dataset.open = fresh.dataset.open;
  for (const part of fresh.querySelectorAll("[data-part]")) {
    const old = main.querySelector(`[data-part="${part.dataset.part}"]`);
    if (part.dataset.part !== "make" && without(old) !== without(part)) {
      old.replaceChildren(...part.childNodes);
      document.dispatchEvent(new Event("parts-changed"));
    }
  }
}

// What the copy buttons and an opened drawing have changed here is no news.
function without(part) {
  const copy = part.cloneNode(true);
  copy.querySelectorAll("[data-copy]").forEach((button) => button.remove());
  copy.querySelectorAll("details").forEach((details) => details.removeAttribute("open"));
  return copy.innerHTML;
}

async function look() {
  if (!document.hidden && main.dataset.open) {
    try {
      const answer = await fetch(window.location.pathname, { headers: { "Accept": "text/html" } });
      if (answer.ok) {
        const page = new DOMParser().parseFromString(await answer.text(), "text/html");
        const fresh = page.getElementById("invite");
        if (fresh) {
          take(fresh);
        } else {
          window.location.reload();
        }
      }
      live.hidden = answer.ok;
    } catch {
      live.hidden = false;
    }
  }
  setTimeout(look, pause);
}

setTimeout(look, pause);
