// Unpack the libraries that the page carries, draw the plots, start the 3D view.
(async () => {
  "use strict";
  const root = document.documentElement;
  const json = (id) => {
    const element = document.getElementById(id);
    return element ? JSON.parse(element.textContent) : null;
  };
  const complain = (message) => {
    const place = document.getElementById("problem");
    place.hidden = false;
    place.textContent += message + " ";
  };

  async function load(library) {
    if (!("DecompressionStream" in window)) {
      throw new Error("this browser is too old; any from 2023 or later will do");
    }
    const packed = document.getElementById("library-" + library).textContent;
    const bytes = Uint8Array.from(atob(packed), (letter) => letter.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    const script = document.createElement("script");
    script.textContent = await new Response(stream).text();
    document.head.append(script);
  }

  // plotly's styles are found by an id that the viewer's own copy of plotly takes away
  function keepPlotlyStyles() {
    const rules = document.getElementById("plotly.js-style-global")?.sheet.cssRules ?? [];
    const style = document.createElement("style");
    style.textContent = Array.from(rules, (rule) => rule.cssText).join("\n");
    document.head.append(style);
  }

  // one viewer needs no frame, no mark that it is the active one, no buttons to add another
  function simplifyViewer() {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(
      ".chsp-structure-viewer-cell { border: none !important; }" +
        ".chsp-pin-marker, .chsp-viewer-action-button { display: none !important; }",
    );
    for (const element of document.querySelectorAll("#viewer-structure *")) {
      element.shadowRoot?.adoptedStyleSheets.push(sheet);
    }
  }

  // what is shown is known by its place among all unique structures, of which the page has some
  const rows = Array.from(document.querySelectorAll("tr[data-rank]"));
  // on a phone, what stands beside a plot would leave no room for it
  function suited(id, layout, count) {
    if (document.getElementById(id).clientWidth > 520) return layout;
    const margin = { ...layout.margin, l: 50, r: 14 };
    const narrow = { ...layout, margin };
    if (layout.legend && layout.legend.orientation !== "h") {
      // one below the other: beside each other, names would overlap
      const title = { ...layout.legend.title, side: "top" };
      narrow.legend = {
        ...layout.legend, title, orientation: "v", x: 0, yanchor: "top",
        // names of compositions stand upright
        y: layout.xaxis?.type === "category" ? -0.38 : -0.25,
      };
      narrow.height = layout.height + 24 * (1 + count);
    }
    if (layout.xaxis?.range && layout.bargap) {
      narrow.xaxis = { ...layout.xaxis, range: [0, 1.5 * layout.xaxis.range[1]], nticks: 4 };
    }
    return narrow;
  }

  // the elements of the structure that is shown, in the colours of the view
  const colours = json("element-colours");
  function nameElements(rank) {
    const place = document.getElementById("elements");
    const names = dataset.structures[rank - 1]?.names ?? [];
    place.replaceChildren(
      ...Array.from(new Set(names), (symbol) => {
        const item = document.createElement("span");
        item.textContent = symbol;
        item.style.setProperty("--colour", colours[symbol] ?? "#999");
        return item;
      }),
    );
  }

  let viewer = null;
  function show(rank) {
    const row = document.querySelector(`tr[data-rank="${rank}"]`);
    if (!viewer || !row) return;
    const index = viewer.indexer.fromStructure(rows.indexOf(row), "structure");
    if (index) viewer.select(index);
    mark(rank);
  }
  function mark(rank) {
    for (const row of document.querySelectorAll("tr[data-rank]")) {
      row.classList.toggle("selected", row.dataset.rank === String(rank));
    }
    const row = document.querySelector(`tr[data-rank="${rank}"]`);
    document.getElementById("shown").textContent = row.dataset.name;
    nameElements(rank);
    shown = rank;
  }
  let shown = rows.length ? Number(rows[0].dataset.rank) : 1;
  function step(by) {
    const seen = rows.filter((row) => !row.hidden);
    const now = seen.findIndex((row) => row.dataset.rank === String(shown));
    const next = seen[Math.min(Math.max(now + by, 0), seen.length - 1)];
    if (next) show(Number(next.dataset.rank));
  }
  for (const button of document.querySelectorAll("[data-step]")) {
    button.addEventListener("click", () => step(Number(button.dataset.step)));
  }

  // words that a row must have, what it must be, and how far above the best it may be
  const filter = document.getElementById("filter");
  if (filter) {
    const above = document.getElementById("above");
    const selects = Array.from(document.querySelectorAll("select[data-column]"));
    const key = (name) => name.replace(/ (.)/, (_, letter) => letter.toUpperCase());
    const wanted = (row) => {
      const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
      const text = row.textContent.toLowerCase();
      const known = row.dataset.above !== "" && row.dataset.above !== "None";
      return (
        words.every((word) => text.includes(word)) &&
        selects.every((one) => !one.value || row.dataset[key(one.dataset.column)] === one.value) &&
        (above.value === "" || (known && Number(row.dataset.above) <= Number(above.value)))
      );
    };
    for (const one of [filter, above, ...selects]) {
      one.addEventListener("input", () => {
        for (const row of rows) row.hidden = !wanted(row);
        document.getElementById("count").textContent = rows.filter((row) => !row.hidden).length;
      });
    }
    document.getElementById("download").addEventListener("click", () => {
      const links = rows.filter((row) => !row.hidden).map((row) => row.querySelector("a[download]"));
      const texts = links.map((link) => atob(link.href.split(",")[1]));
      const file = document.createElement("a");
      const bytes = Uint8Array.from(texts.join("\n"), (letter) => letter.charCodeAt(0));
      file.href = URL.createObjectURL(new Blob([bytes]));
      file.download = "structures." + links[0]?.download.split(".").pop();
      if (links.length) file.click();
      URL.revokeObjectURL(file.href);
    });
  }

  try {
    await load("plotly");
    // these buttons and no others: one of plotly's own sends the data to a server
    const buttons = { modeBarButtons: [["toImage", "zoom2d", "pan2d", "autoScale2d"]] };
    const config = { displaylogo: false, responsive: true };
    for (const [id, figure] of Object.entries(json("plots"))) {
      const bar = id === "energy-volume" ? buttons : { displayModeBar: false };
      await Plotly.newPlot(id, figure.data, suited(id, figure.layout, figure.data.length), { ...config, ...bar });
    }
    keepPlotlyStyles();
    for (const id of ["energy-volume", "energies", "parity"]) {
      const plot = document.getElementById(id);
      if (plot) plot.on("plotly_click", (event) => show(event.points[0].customdata[0]));
    }
    root.dataset.plots = document.querySelectorAll(".js-plotly-plot").length;
  } catch (error) {
    complain("The plots can't be shown: " + error.message + ".");
  }

  const dataset = json("dataset");
  if (!dataset) return;
  try {
    await load("chemiscope");
    const warnings = new Chemiscope.Warnings();
    warnings.addHandler((message) => console.warn(message));
    const config = {
      meta: "viewer-meta", structure: "viewer-structure", info: "viewer-info", maxStructureViewers: 1,
    };
    viewer = await Chemiscope.StructureVisualizer.load(config, dataset, warnings);
    simplifyViewer();
    for (const row of document.querySelectorAll("tr[data-rank]")) {
      row.addEventListener("click", (event) => {
        if (event.target.closest("a")) return;
        show(Number(row.dataset.rank));
        if (event.target.dataset.show) {
          document.getElementById("viewer-panel").scrollIntoView({ behavior: "smooth", block: "nearest" });
        }
      });
    }
    for (const drawing of document.querySelectorAll(".gallery [data-show]")) {
      drawing.addEventListener("click", () => {
        show(Number(drawing.dataset.show));
        document.getElementById("viewer-panel").scrollIntoView({ behavior: "smooth", block: "nearest" });
      });
    }
    show(shown);
    root.dataset.viewer = "ready";
  } catch (error) {
    complain("The 3D view can't be shown: " + error.message + ".");
  }
})();
