"use strict";
(() => {
  document.documentElement.classList.remove("no-js");
  const tip = document.getElementById("tip");
  const show = (target, x, y) => {
    tip.textContent = target.dataset.tip;
    tip.style.display = "block";
    const { width, height } = tip.getBoundingClientRect();
    tip.style.left = `${Math.max(6, Math.min(x + 14, innerWidth - width - 6))}px`;
    tip.style.top = `${y + height + 24 > innerHeight ? y - height - 12 : y + 16}px`;
  };
  const hide = () => { tip.style.display = "none"; };
  const marked = (event) => event.target.closest && event.target.closest("[data-tip]");
  document.addEventListener("pointermove", (event) => {
    const target = marked(event);
    if (target) show(target, event.clientX, event.clientY); else hide();
  });
  document.addEventListener("focusin", (event) => {
    const target = marked(event);
    if (!target) return hide();
    const box = target.getBoundingClientRect();
    show(target, box.right, box.top);
  });
  document.addEventListener("focusout", hide);
  document.addEventListener("scroll", hide, { passive: true });
  document.addEventListener("keydown", (event) => { if (event.key === "Escape") hide(); });

  // Closed details would be missing on paper; long lists of looks would fill it.
  addEventListener("beforeprint", () => document.querySelectorAll("details:not(.screen)").forEach((d) => { d.open = true; }));

  const said = (button, text) => {
    const before = button.textContent;
    button.textContent = text;
    setTimeout(() => { button.textContent = before; }, 1600);
  };
  const copy = (button, text) => {
    const area = document.createElement("textarea");
    area.value = text;
    document.body.append(area);
    area.select();
    // navigator.clipboard is not there on file:// pages in every browser; this is.
    said(button, document.execCommand("copy") ? "Copied" : "Select the text and copy it by hand");
    area.remove();
  };
  const csv = (table) => [table.columns, ...table.rows].map((row) => row.map((cell) => {
    const text = cell === null ? "" : typeof cell === "object" ? JSON.stringify(cell) : String(cell);
    return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  }).join(",")).join("\r\n") + "\r\n";
  const save = (name, type, text) => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text], { type }));
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  };
  document.addEventListener("click", (event) => {
    const button = event.target.closest("button[data-do]");
    if (!button) return;
    const data = () => JSON.parse(document.getElementById("berthwatch-data").textContent);
    if (button.dataset.do === "quote") copy(button, ["headline", "quote"].map((id) => document.getElementById(id).innerText.trim()).join("\n\n"));
    if (button.dataset.do === "boxes") {
      const hidden = document.body.classList.toggle("hide-boxes");
      document.querySelectorAll('button[data-do="boxes"]').forEach((b) => {
        b.textContent = hidden ? "Show the drawn boxes" : "Hide the drawn boxes";
        b.setAttribute("aria-pressed", String(hidden));
      });
    }
    if (button.dataset.do === "csv") {
      save(`${button.dataset.table}.csv`, "text/csv;charset=utf-8", csv(data().tables[button.dataset.table]));
    }
    if (button.dataset.do === "json") {
      save("berthwatch-report.json", "application/json", JSON.stringify(data(), null, 1));
    }
  });
})();
