// Follows the status page live: each event says that something changed; the page itself says what.
// Without events (a proxy that holds them back, too many windows, an old browser) it asks for the page now and then.
const main = document.getElementById("status");
const live = document.getElementById("live");
const polled = document.getElementById("polled");
const names = ["paid", "step", "ready", "furl", "failed", "letter", "claimed", "refunded", "lost", "recovered"];
const heartbeat = Number(main.dataset.heartbeat) * 1000;
const firstByte = 6000; // milliseconds: the stream's first words come at once
const grace = 4000;
const stale = 10000; // an answer that takes longer counts as none
let events = null;
let heardAt = 0;
let openedAt = 0;
let lookedAt = Date.now();
let isAsking = false;
let isAskedAgain = false;
let isResting = false;
let brokenAt = 0;
const began = new WeakMap();

function take(fresh) {
  for (const name of ["state", "revision", "moving"]) {
    main.dataset[name] = fresh.dataset[name];
  }
  for (const part of fresh.querySelectorAll("[data-part]")) {
    const old = main.querySelector(`[data-part="${part.dataset.part}"]`);
    if (old && old.innerHTML !== part.innerHTML) {
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
  const shown = main.dataset.revision;
  try {
    const answer = await fetch(window.location.pathname, { headers: { "Accept": "text/html" }, signal: AbortSignal.timeout?.(stale) });
    if (answer.ok) {
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      take(page.getElementById("status"));
      document.title = page.title;
    }
    live.hidden = answer.ok;
  } catch {
    live.hidden = false;
  } finally {
    isAsking = false;
    lookedAt = Date.now();
  }
  if (isAskedAgain) {
    isAskedAgain = false;
    await look();
  } else if (isResting && main.dataset.revision !== shown) {
    open();
  }
}

function heard() {
  heardAt = Date.now();
  polled.hidden = true;
}

function open() {
  if (!window.EventSource) {
    return;
  }
  openedAt = Date.now();
  heardAt = 0;
  isResting = false;
  events = new EventSource(`/status/events?after=${main.dataset.revision}`);
  events.addEventListener("error", () => {
    brokenAt = brokenAt || Date.now();
    openedAt = Date.now();
    heardAt = 0;
  });
  events.addEventListener("open", () => {
    brokenAt = 0;
    if (!live.hidden) {
      live.hidden = true;
      look();
    }
  });
  events.addEventListener("beat", heard);
  events.addEventListener("rest", () => {
    heard();
    events.close();
    isResting = true;
  });
  for (const name of names) {
    events.addEventListener(name, () => { heard(); look(); });
  }
}

// Whether the stream is what it should be: open or being opened, and not silent for longer than it may be.
function isHeard() {
  const limit = heardAt ? heardAt + 2.5 * heartbeat : openedAt + firstByte;
  return events !== null && events.readyState !== EventSource.CLOSED && Date.now() < limit;
}

setInterval(() => {
  // A stream that has just ended is opened anew within seconds: nothing was lost yet.
  if (brokenAt && events.readyState === EventSource.CONNECTING && Date.now() - brokenAt > grace) {
    live.hidden = false;
  }
  if (isHeard() || (isResting && document.hidden)) {
    return;
  }
  polled.hidden = isResting || !live.hidden;
  const pause = main.dataset.moving === "yes" ? 3000 : 30000;
  if (Date.now() - lookedAt > pause) {
    look();
  }
  if (!isResting && events !== null && events.readyState === EventSource.CLOSED && Date.now() - openedAt > 30000) {
    open();
  }
}, 1000);

document.addEventListener("visibilitychange", () => {
  if (!document.hidden && isResting) {
    open();
    look();
  }
});

function words(seconds) {
  return seconds < 60 ? `${seconds.toFixed(1)} s` : `${Math.floor(seconds / 60)} min ${Math.floor(seconds % 60)} s`;
}

function secondsOf(element, given) {
  if (!began.has(element)) {
    began.set(element, performance.now() - Number(given) * 1000);
  }
  return (performance.now() - began.get(element)) / 1000;
}

// The clocks and the drawing run on between events; when the whole takes too long the page has more to say.
setInterval(() => {
  for (const clock of main.querySelectorAll("[data-clock]")) {
    const seconds = secondsOf(clock, clock.dataset.clock);
    clock.textContent = words(seconds);
    if (clock.dataset.late && seconds > Number(clock.dataset.late)) {
      delete clock.dataset.late;
      look();
    }
  }
  for (const bar of main.querySelectorAll("[data-median]")) {
    const seconds = secondsOf(bar, bar.dataset.seconds);
    const share = 1 - Math.exp(-1.6 * seconds / Math.max(Number(bar.dataset.median), 0.1));
    bar.setAttribute("width", (Number(bar.dataset.room) * share).toFixed(1));
  }
}, 100);

open();
