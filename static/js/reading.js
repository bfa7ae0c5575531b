// A page image that was pruned, or cannot be loaded, gives way to a sentence.
document.addEventListener("error", (event) => {
  if (!event.target.matches?.("#page-image img")) return;
  const leaf = document.createElement("p");
  leaf.className = "blank-leaf";
  leaf.textContent = "The image of this page is not kept any more.";
  event.target.replaceWith(leaf);
}, true);
