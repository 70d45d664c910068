// Starts Redoc on this service's own document; nothing is asked of any other host.
window.Redoc.init("openapi.json", { nativeScrollbars: true }, document.getElementById("docs"));
