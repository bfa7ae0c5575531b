// Runs before anything is painted: what only makes sense with a script shows, what only without one hides.
document.documentElement.dataset.scripted = "";
