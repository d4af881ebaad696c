// Shows Stripe's payment form in the page. Without this script the button to Stripe's own page does the same.
const place = document.getElementById("checkout");
const problem = document.getElementById("checkout-problem");

async function fetchClientSecret() {
  const answer = await fetch("/pay/session", {
    method: "POST",
    headers: { "Accept": "application/json", "Content-Type": "application/json", "X-CSRF-Token": place.dataset.csrf },
    body: "{}",
  });
  const said = await answer.json();
  if (said.code === "already-paid") {
    window.location.assign("/status");
  }
  if (said.code === "sold-out") {
    document.getElementById("pay-hosted").submit(); // the page that it leads to has the words
  }
  if (!answer.ok) {
    throw new Error(said.code);
  }
  return said.client_secret;
}

try {
  const checkout = await window.Stripe(place.dataset.key).createEmbeddedCheckoutPage({ fetchClientSecret });
  place.hidden = false;
  checkout.mount("#checkout");
} catch {
  place.hidden = true;
  problem.hidden = false;
}
