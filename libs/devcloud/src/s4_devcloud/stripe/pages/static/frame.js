// Runs in the frame once the payment is complete: tells the page around it, and only that page.
"use strict";
(() => {
  const { origin, completion } = document.currentScript.dataset;
  window.parent.postMessage({ type: "stripe-checkout-complete", ...JSON.parse(completion) }, origin);
})();
