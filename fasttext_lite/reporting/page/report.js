"use strict";
(function () {
  // What a cell is sorted by: its data-v, its number, or its text.
  function keyOf(row, column, isNumber) {
    var cell = row.cells[column];
    var text = cell.dataset.v === undefined ? cell.textContent.trim() : cell.dataset.v;
    if (!isNumber && cell.dataset.v === undefined) return text;
    var number = parseFloat(text.replace(/,/g, ""));
    return isNaN(number) ? -Infinity : number;
  }

  function sort(table, column) {
    var heads = table.tHead.rows[0].cells;
    var head = heads[column];
    var isNumber = head.classList.contains("number") || table.querySelector("tbody td:nth-child(" + (column + 1) + ")[data-v]") !== null;
    var was = head.getAttribute("aria-sort");
    var falls = was === "none" || was === null ? isNumber : was === "ascending";
    for (var i = 0; i < heads.length; i++) heads[i].setAttribute("aria-sort", "none");
    head.setAttribute("aria-sort", falls ? "descending" : "ascending");
    var body = table.tBodies[0];
    var collator = new Intl.Collator(undefined, { numeric: true });
    var rows = Array.prototype.map.call(body.rows, function (row) {
      return [keyOf(row, column, isNumber), row];
    });
    rows.sort(function (a, b) {
      var order = typeof a[0] === "number" && typeof b[0] === "number"
        ? (a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : 0)
        : collator.compare(a[0], b[0]);
      return falls ? -order : order;
    });
    var all = document.createDocumentFragment();
    rows.forEach(function (pair) { all.appendChild(pair[1]); });
    body.appendChild(all);
  }

  document.querySelectorAll("table.sortable").forEach(function (table) {
    Array.prototype.forEach.call(table.tHead.rows[0].cells, function (head, column) {
      var button = document.createElement("button");
      button.type = "button";
      while (head.firstChild) button.appendChild(head.firstChild);
      head.appendChild(button);
      if (!head.hasAttribute("aria-sort")) head.setAttribute("aria-sort", "none");
      button.addEventListener("click", function () { sort(table, column); });
    });
  });

  // A field to find labels by, where there are many.
  var labels = document.getElementById("label-table");
  if (labels && labels.tBodies[0].rows.length > 25) {
    var box = document.createElement("label");
    var input = document.createElement("input");
    box.className = "find";
    input.type = "search";
    box.append("Find a label: ", input);
    labels.parentNode.before(box);
    input.addEventListener("input", function () {
      var wanted = input.value.toLowerCase();
      Array.prototype.forEach.call(labels.tBodies[0].rows, function (row) {
        row.hidden = row.cells[0].textContent.toLowerCase().indexOf(wanted) < 0;
      });
    });
  }

  // A link to texts opens them.
  function open() {
    var id = decodeURIComponent(location.hash.slice(1));
    var target = id && document.getElementById(id);
    if (target && target.tagName === "DETAILS") {
      target.open = true;
      target.scrollIntoView({ block: "center" });
      target.querySelector("summary").focus({ preventScroll: true });
    }
  }
  document.addEventListener("click", function (event) {
    var link = event.target.closest("a[href^='#']");
    if (link && link.getAttribute("href") === location.hash) open();
  });
  window.addEventListener("hashchange", open);
  open();
})();
