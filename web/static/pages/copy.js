// Copies a field's text and says so on the button.

for (const button of document.querySelectorAll("[data-copies]")) {
  const field = document.getElementById(button.dataset.copies);
  const label = button.querySelector("span");
  const before = label.textContent;
  label.setAttribute("role", "status");
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(field.value);
    } catch {
      field.select();
      document.execCommand("copy");
    }
    label.textContent = button.dataset.copied;
    setTimeout(() => (label.textContent = before), 3000);
  });
}
