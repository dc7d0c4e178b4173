// A button with `data-copy` puts the page's address on the clipboard, for a colleague; without the clipboard it is not shown.
"use strict";
for (const button of document.querySelectorAll("[data-copy]")) {
  if (!navigator.clipboard) continue;
  button.hidden = false;
  const words = button.textContent;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(location.href);
    button.textContent = `${words} ✓`;
    setTimeout(() => { button.textContent = words; }, 2000);
  });
}
