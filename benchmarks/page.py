"""Measure how much the page's first view transfers, and how soon the page can be used.

python -m benchmarks.page

A browser with an empty cache visits a server of the shipped model several times. The program prints

* the bytes transferred until the matrices are there, including the heads of the responses;
* the milliseconds from the start of navigation until the controls are painted, when they begin to
  act, and until the matrices are painted; and the longest time in between in which the page did not
  react;
* the milliseconds from a slider's move to the next painted frame.
"""

import statistics

import torch
from playwright.sync_api import Browser

from benchmarks.browser import browsing
from benchmarks.processes import HOST, SERVICE, serving
from training.run.provenance import provenance

VISITS = 9
WATCH = """
    window.seen = {longest: 0};
    const marks = {controls: ".mixer, form.writer button", matrices: ".matrix"};
    new MutationObserver(() => {
        for (const [name, selector] of Object.entries(marks)) {
            if (name in seen || !document.querySelector(selector)) continue;
            seen[name] = NaN;
            requestAnimationFrame(() => setTimeout(() => (seen[name] = performance.now())));
        }
    }).observe(document, {childList: true, subtree: true});
    new PerformanceObserver((list) => {
        for (const task of list.getEntries()) seen.longest = Math.max(seen.longest, task.duration);
    }).observe({type: "longtask", buffered: true});
"""
SEEN = """() => new Promise((done) => {
    const look = () => (seen.matrices > 0 ? done() : setTimeout(look, 5));
    look();
})"""
SLIDE = """() => new Promise((done) => {
    const slider = document.querySelector(".mixer input");
    const began = performance.now();
    slider.value = 1;
    slider.dispatchEvent(new Event("input", {bubbles: true}));
    requestAnimationFrame(() => setTimeout(() => done(performance.now() - began)));
})"""


def main() -> None:
    """Print the medians and extremes over the visits."""
    print(provenance(torch.device("cpu")))
    with serving(*SERVICE) as port, browsing() as browser:
        found = [visited(browser, f"http://{HOST}:{port}/") for _ in range(VISITS + 1)][1:]
    print(f"first view, empty cache, {VISITS} visits: median, least and most")
    for name, unit in (
        ("bytes", "bytes"),
        ("controls", "ms until the controls act"),
        ("matrices", "ms until the matrices are painted"),
        ("longest", "ms at most in which the page did not react; 0 means less than 50"),
        ("slider", "ms from a slider's move to its frame"),
    ):
        values = [visit[name] for visit in found]
        middle = statistics.median(values)
        print(f"{middle:9,.0f} {min(values):9,.0f} {max(values):9,.0f} {unit}")


def visited(browser: Browser, url: str) -> dict[str, float]:
    """Visit the page once with an empty cache, and return its figures."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    page = context.new_page()
    page.add_init_script(WATCH)
    session = context.new_cdp_session(page)
    session.send("Network.enable")
    sizes: list[float] = []
    session.on("Network.loadingFinished", lambda event: sizes.append(event["encodedDataLength"]))
    page.goto(url)
    page.evaluate(SEEN)
    page.wait_for_load_state("networkidle")
    found: dict[str, float] = page.evaluate("seen")
    found |= {"bytes": sum(sizes), "slider": page.evaluate(SLIDE)}
    context.close()
    return found


if __name__ == "__main__":
    main()
