// Keeps "2 min ago" true, counts the seconds of what runs now, and down to what comes. Says what jobs/views/words.py says.
(() => {
  "use strict";
  const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
  const day = (moment) => Math.floor(moment / 86400000);

  function ago(then, now) {
    const seconds = (now - then) / 1000;
    if (seconds < 45) return "just now";
    if ((seconds < 86400 && day(then) === day(now)) || seconds < 6 * 3600) {
      const minutes = Math.max(1, Math.round(seconds / 60));
      return minutes < 60 ? `${minutes} min ago` : `${Math.round(seconds / 3600)} h ago`;
    }
    const days = day(now) - day(then), date = new Date(then);
    if (days <= 1) return "yesterday";
    return days < 7 ? `${days} days ago` : `${date.getUTCDate()} ${MONTHS[date.getUTCMonth()]} ${date.getUTCFullYear()}`;
  }

  function until(then, now) {
    const seconds = (then - now) / 1000, whole = Math.max(1, Math.round(seconds)), minutes = Math.round(whole / 60);
    if (seconds < 0.5) return "now";
    if (whole < 90) return `in ${whole} s`;
    if (minutes < 60) return `in ${minutes} min`;
    return minutes % 60 ? `in ${Math.floor(minutes / 60)} h ${minutes % 60} min` : `in ${minutes / 60} h`;
  }

  function tell() {
    const now = Date.now();
    document.querySelectorAll("time[data-ago]").forEach((time) => {
      const words = ago(Date.parse(time.dateTime), now);
      if (time.textContent !== words) time.textContent = words;
    });
    document.querySelectorAll("time[data-until]").forEach((time) => {
      const words = until(Date.parse(time.dateTime), now);
      if (time.textContent !== words) time.textContent = words;
    });
    document.querySelectorAll("[data-since]").forEach((place) => {
      const seconds = Math.max(0, (now - Date.parse(place.dataset.since)) / 1000);
      place.textContent = seconds < 10 ? `${seconds.toFixed(1)} s so far` : `${Math.round(seconds)} s so far`;
    });
  }

  tell();
  setInterval(() => { if (!document.hidden) tell(); }, 1000);
  document.addEventListener("live:merged", tell);
})();
