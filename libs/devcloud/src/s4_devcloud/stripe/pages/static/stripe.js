// Stand-in for Stripe.js: exactly Stripe(publishableKey).createEmbeddedCheckoutPage({ fetchClientSecret, onComplete }).
"use strict";
(() => {
  const home = new URL(document.currentScript.src).origin;

  async function openFrame(key, clientSecret) {
    const body = new URLSearchParams({ key, client_secret: clientSecret });
    const answer = await fetch(`${home}/c/frames`, { method: "POST", body, credentials: "omit" });
    const result = await answer.json();
    if (!answer.ok) {
      throw new Error(result.error.message);
    }
    return result.frame;
  }

  class EmbeddedCheckoutPage {
    #address; #onComplete; #frame = null; #destroyed = false;
    #hear = (message) => this.#receive(message);

    constructor(address, onComplete) {
      this.#address = address;
      this.#onComplete = onComplete;
    }

    mount(place) {
      if (this.#destroyed) {
        throw new Error("This Embedded Checkout has been destroyed.");
      }
      const parent = typeof place === "string" ? document.querySelector(place) : place;
      if (!parent) {
        throw new Error(`No element matches ${place}.`);
      }
      if (this.#frame) {
        throw new Error("This Embedded Checkout is already mounted.");
      }
      this.#frame = document.createElement("iframe");
      this.#frame.src = this.#address;
      this.#frame.title = "Secure payment form (local stand-in for Stripe)";
      this.#frame.style.cssText = "width: 100%; min-height: 62rem; border: 0;";
      window.addEventListener("message", this.#hear);
      parent.append(this.#frame);
    }

    unmount() {
      window.removeEventListener("message", this.#hear);
      this.#frame?.remove();
      this.#frame = null;
    }

    destroy() {
      this.unmount();
      this.#destroyed = true;
    }

    #receive(message) {
      const ours = message.origin === home && message.source === this.#frame?.contentWindow;
      if (!ours || message.data?.type !== "stripe-checkout-complete") {
        return;
      }
      window.removeEventListener("message", this.#hear);
      if (message.data.return_url) {
        window.top.location.href = message.data.return_url;
      } else {
        this.#onComplete?.();
      }
    }
  }

  function Stripe(key) {
    if (typeof key !== "string" || !key.startsWith("pk_")) {
      throw new Error("Stripe() needs a publishable key, which begins with pk_.");
    }
    return Object.freeze({
      async createEmbeddedCheckoutPage({ fetchClientSecret, onComplete } = {}) {
        if (typeof fetchClientSecret !== "function") {
          throw new Error("createEmbeddedCheckoutPage needs fetchClientSecret.");
        }
        return new EmbeddedCheckoutPage(await openFrame(key, await fetchClientSecret()), onComplete);
      },
    });
  }

  window.Stripe = Stripe;
})();
