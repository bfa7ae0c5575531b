"""Drawings of the icons, 16 by 16, lines of 1.5. Our own; coloured by the style sheet."""

ICONS = {
    "upload": '<path d="M8 10.5V2.5M4.8 5.4 8 2.2l3.2 3.2M2.5 10.5v3h11v-3"/>',
    "search": '<circle cx="7" cy="7" r="4.2"/><path d="m10.2 10.2 3.3 3.3"/>',
    "filter": '<path d="M2.5 4.2h11M4.8 8h6.4M6.8 11.8h2.4"/>',
    "close": '<path d="m4 4 8 8M12 4l-8 8"/>',
    "left": '<path d="M9.8 3.5 5.3 8l4.5 4.5"/>',
    "right": '<path d="M6.2 3.5 10.7 8l-4.5 4.5"/>',
    "down": '<path d="M4 6.2 8 10l4-3.8"/>',
    "up": '<path d="M4 9.8 8 6l4 3.8"/>',
    "tick": '<path d="m3.5 8.4 3 3 6-6.6"/>',
    "play": '<path d="M5 3.2v9.6L12.6 8z"/>',
    "again": '<path d="M12.9 6.2A5.2 5.2 0 1 0 13.2 9M13.2 2.8v3.6H9.6"/>',
    "bin": '<path d="M2.8 4.3h10.4M6.3 4.3V2.8h3.4v1.5M4.2 4.3l.6 9.2h6.4l.6-9.2M6.8 6.8v4.2M9.2 6.8v4.2"/>',
    "key": '<circle cx="5.2" cy="10.8" r="2.7"/><path d="m7.2 8.8 5.6-5.6M10.6 5.4l2 2M12.8 3.2l.9.9"/>',
    "warning": '<path d="M8 2.4 14.4 13.4H1.6zM8 6.6v3.2M8 11.6v.1"/>',
    "out": '<path d="M6.5 2.8H3.8c-.6 0-1 .4-1 1v8.4c0 .6.4 1 1 1h2.7M10.2 5 13.2 8l-3 3M13 8H6.2"/>',
    "send": '<path d="M13.8 2.2 7.2 8.8M13.8 2.2 9.6 13.8 7.2 8.8 2.2 6.4z"/>',
    "keyboard": '<rect x="1.8" y="4" width="12.4" height="8.2" rx="1.5"/><path d="M4.3 6.6h.1M9 6.6h.1M5 9.6h6"/>',
}
