// Everything works without this script. It adds two things: buttons that copy a line, and a slider that
// moves one path through time without loading the whole page for each step.
"use strict";
document.documentElement.classList.add("js");

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const source = button.parentElement.querySelector("code");
  const label = button.textContent;
  try {
    await navigator.clipboard.writeText(source.textContent);
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = label; }, 1600);
  } catch {
    getSelection().selectAllChildren(source);
  }
});

// A menu that was opened closes when one clicks beside it or presses Escape.
const closeMenus = (keep) => document.querySelectorAll("details.get[open]").forEach((menu) => {
  if (!menu.contains(keep)) menu.open = false;
});
document.addEventListener("click", (event) => closeMenus(event.target));
document.addEventListener("keydown", (event) => { if (event.key === "Escape") closeMenus(null); });

const pages = new Map();
const MOST_PAGES = 40;

const fetchPage = (address) => {
  if (!pages.has(address)) {
    if (pages.size >= MOST_PAGES) pages.delete(pages.keys().next().value);
    const page = fetch(address, { headers: { accept: "text/html" } }).then(async (answer) => {
      // A path that is not there at that time is a page too; being signed out is not.
      if (answer.redirected || (!answer.ok && answer.status !== 404)) throw new Error(answer.statusText);
      return new DOMParser().parseFromString(await answer.text(), "text/html");
    });
    page.catch(() => pages.delete(address));
    pages.set(address, page);
  }
  return pages.get(address);
};

const setUpSlider = () => {
  const time = document.querySelector(".time");
  const range = time?.querySelector("input[type=range]");
  if (!range) return;
  const links = () => [...time.querySelectorAll(".ticks a")];
  const current = () => links().findIndex((link) => link.hasAttribute("aria-current"));
  let wanted = "";
  let timer = 0;

  const settle = () => {
    const all = links();
    range.max = Math.max(all.length - 1, 0);
    range.value = Math.max(current(), 0);
    range.setAttribute("aria-valuetext", all[current()]?.dataset.when ?? "");
  };
  const show = async (address) => {
    wanted = address;
    document.body.classList.add("loading");
    try {
      const page = await fetchPage(address);
      if (wanted !== address) return;
      const view = page.querySelector("#view");
      if (!view || !page.querySelector(".time")) throw new Error("not a page of this path");
      document.querySelector("#view").replaceWith(document.importNode(view, true));
      for (const part of [".crumbs", ".time .row", ".time .ticks", ".head"]) {
        const [here, there] = [document.querySelector(part), page.querySelector(part)];
        if (here && there) here.replaceWith(document.importNode(there, true));
      }
      document.title = page.title;
      history.replaceState(null, "", address);
      settle();
      const at = current();
      for (const near of [at - 1, at + 1]) {
        const link = links()[near];
        if (link) fetchPage(link.href).catch(() => {});
      }
    } catch {
      location.assign(address);
    } finally {
      if (wanted === address) document.body.classList.remove("loading");
    }
  };

  range.addEventListener("input", () => {
    const link = links()[range.value];
    if (!link) return;
    links().forEach((other) => other.removeAttribute("aria-current"));
    link.setAttribute("aria-current", "true");
    const when = time.querySelector(".when time");
    if (when) when.textContent = link.dataset.when;
    range.setAttribute("aria-valuetext", link.dataset.when);
    clearTimeout(timer);
    timer = setTimeout(() => show(link.href), 90);
  });
  time.addEventListener("click", (event) => {
    const link = event.target.closest("a.step");
    if (!link?.href || event.metaKey || event.ctrlKey || event.shiftKey) return;
    event.preventDefault();
    show(link.href);
  });
  settle();
};
setUpSlider();
