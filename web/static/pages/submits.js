// A field that shows its result at once; without scripts the button beside it does the same.

for (const field of document.querySelectorAll("[data-submits]")) {
  field.addEventListener("change", () => field.form.requestSubmit());
}
