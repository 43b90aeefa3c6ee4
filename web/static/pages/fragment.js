// A secret behind the address's # goes into the form's field, and out of the address bar.

const form = document.querySelector("[data-fragment]");
const secret = location.hash.slice(1);
if (secret) {
  form.elements[form.dataset.fragment].value = secret;
  history.replaceState(null, "", location.pathname);
}
