// What the test does to the page, as a reader would, and what it finds; written into the page as JSON.
(async () => {
  const found = { error: "" };
  const pause = () => new Promise((done) => setTimeout(done, 50));
  const shown = () => [...document.querySelectorAll(".card b")].map((one) => one.textContent);
  const focused = () => document.activeElement.querySelector("b")?.textContent;
  const press = async (key) => {
    document.activeElement.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
    await pause();
  };
  const set = async (id, value, kind) => {
    at(id).value = value;
    at(id).dispatchEvent(new Event(kind, { bubbles: true }));
    await pause();
  };
  addEventListener("error", (event) => { found.error += event.message; });
  try {
    found.start = shown();
    found.status = at("status").textContent;
    found.searched = {};
    for (const words of ["max>20", "0-1", "dead", "class:fac alive", "wheel-1", "max>", "fires<50 max<1", "nothing such", "ideal"]) {
      await set("search", words, "input");
      found.searched[words] = shown();
    }
    await set("search", "", "input");
    await press("[");
    await set("class", "wheel", "change");
    found["of wheels"] = shown();
    await set("class", "", "change");
    await press("]");
    await set("sort", "n", "change");
    found["by number, then max"] = [shown()];
    await press(">");
    found["by number, then max"].push(shown());
    at("turn").click();
    found["by number, then max"].push(shown());
    await press("]");
    found["layer above"] = shown();
    await press("[");
    at("turn").click();
    await press("<");
    found.focus = [];
    await press("G");
    found.focus.push(focused());
    await press("g");
    await press("l");
    found.focus.push(focused());
    await press("ArrowRight");
    found.focus.push(focused());
    await press("g");
    await press("z");
    found.zoom = { name: at("zoom-name").textContent, hash: location.hash, told: [at("told").textContent] };
    await press("l");
    found.zoom.told.push(at("told").textContent);
    const line = document.querySelector("#large .whole i").style;
    found.zoom.box = [line.left, line.top, line.width, line.height].map(parseFloat);
    found.zoom.command = at("command").textContent;
    const names = (one) => one.textContent.trim() || one.getAttribute("aria-label") || one.labels?.length;
    const controls = [...document.querySelectorAll("button, input, select, dialog, a")];
    found.nameless = controls.filter((one) => !names(one)).map((one) => one.outerHTML.slice(0, 80));
    await press("PageDown");
    await press("PageDown");
    await press("PageDown");
    found.zoom.next = at("zoom-name").textContent;
    found.broken = [...document.images].filter((one) => !one.complete || !one.naturalWidth).map((one) => one.src);
    await press("q");
    for (let turn = 0; location.hash && turn < 40; turn += 1) await pause();
    found.zoom.closed = [focused(), location.hash, at("zoom").open];
    const go = async (name) => { location.hash = name; await pause(); };
    const strips = () => document.querySelectorAll(".strip").length;
    await go("conv1:1");
    found.ideal = {
      names: [...document.querySelectorAll("#ideals [role=img]")].map((one) => one.getAttribute("aria-label")),
    };
    found["no projections"] = [!at("no-projections").hidden];
    await go("conv1:3");
    found.ideal["not in conv1:3"] = [at("ideals").hidden, at("no-ideals").textContent];
    found.ideal["in the cards"] = [strips()];
    for (const shown of ["ideals", "projections"]) {
      await set("show", shown, "change");
      found.ideal["in the cards"].push(strips());
    }
    await go("fc2:0");
    found["no projections"].push(!at("no-projections").hidden);
    found.elsewhere = performance.getEntriesByType("resource").map((one) => one.name)
      .filter((name) => !/^(file|data):/.test(name));
    found.wide = document.documentElement.scrollWidth > innerWidth ? document.documentElement.scrollWidth : 0;
  } catch (error) {
    found.error += error.stack;
  }
  const told = document.createElement("pre");
  told.id = "probe";
  told.textContent = JSON.stringify(found);
  document.body.append(told);
})();
