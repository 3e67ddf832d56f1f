// Keeps the page's secret, which browsers separate by host and port, and goes to the page.
const place = "radiata-page:" + new URL("./", location.href).pathname;
const given = document.body.dataset.page;
if (given) {
  localStorage.setItem(place, given);
  const back = sessionStorage.getItem("radiata-return") ?? "";
  sessionStorage.removeItem("radiata-return");
  location.replace("./" + (back.startsWith("#/") ? back : ""));
}
