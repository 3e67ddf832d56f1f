/// Looks and behaviour of a grid's page.
enum GridStyle {
    static let css = """
        :root { color-scheme: light dark; --ground: #f5f4f1; --card: #ffffff; --ink: #1d2026; --quiet: #6a7079;
          --line: #e3e1db; --accent: #b3263f; }
        @media (prefers-color-scheme: dark) { :root { --ground: #15171b; --card: #1e2127; --ink: #e8e8ea;
          --quiet: #9aa0aa; --line: #31353d; --accent: #ef6a80; } }
        * { box-sizing: border-box; }
        body { margin: 0; background: var(--ground); color: var(--ink);
          font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif; }
        main { padding: 20px; }
        h1 { margin: 0 0 4px; font-size: 24px; overflow-wrap: anywhere; }
        p { margin: 4px 0; overflow-wrap: anywhere; }
        .quiet { color: var(--quiet); font-size: 13px; }
        dl { display: flex; flex-wrap: wrap; gap: 4px 24px; margin: 6px 0; }
        dt { color: var(--quiet); font-size: 12px; } dd { margin: 0; font-weight: 600; overflow-wrap: anywhere; }
        .tools { display: flex; flex-wrap: wrap; gap: 8px 18px; align-items: center; margin: 10px 0; }
        .tools label { display: flex; gap: 8px; align-items: center; } .tools select { max-width: 60vw; }
        .scroll { overflow: auto; max-height: 86vh; background: var(--card); border: 1px solid var(--line);
          border-radius: 10px; }
        table { border-collapse: separate; border-spacing: 4px; }
        caption { text-align: left; color: var(--accent); font-size: 13px; padding: 2px 4px; }
        th { background: var(--card); font-size: 13px; font-weight: 600; overflow-wrap: anywhere; padding: 4px; }
        thead th { position: sticky; top: 0; z-index: 2; max-width: var(--cell); vertical-align: bottom; }
        tbody th { position: sticky; left: 0; z-index: 1; text-align: left; min-width: min(170px, 22vw); max-width: 22vw; }
        thead .corner { left: 0; z-index: 3; color: var(--accent); text-align: left; font-weight: 500; max-width: 22vw; }
        td { padding: 0; width: var(--cell); min-width: var(--cell); vertical-align: top; cursor: pointer;
          border: 3px solid transparent; border-radius: 6px; }
        td.a { border-color: var(--accent); } td.b { border-color: var(--ink); }
        td img { width: 100%; height: auto; display: block; border-radius: 3px; }
        td img[width="64"], td img[width="96"], td img[width="128"], .pair img.small { image-rendering: pixelated; }
        [hidden] { display: none !important; }
        .missing { aspect-ratio: 1; padding: 8px; font-size: 12px; color: var(--quiet); overflow: hidden;
          display: flex; flex-direction: column; justify-content: center; text-align: center; border-radius: 3px;
          background: repeating-linear-gradient(135deg, var(--line) 0 2px, transparent 2px 12px); }
        .pair { position: relative; width: min(100%, 512px); background: var(--card); }
        .pair img { width: 100%; display: block; } .pair #over { position: absolute; inset: 0; height: 100%; }
        button { font: inherit; }
        @media (max-width: 500px) { main { padding: 10px; } table { --cell: 120px !important; } }
        """

    /// Cells are chosen, not pictures: along the slider two chosen cells stay chosen.
    static let script = """
        (() => {
          const one = id => document.getElementById(id);
          const cells = [...document.querySelectorAll("td")];
          let z = 0, chosen = [];
          const picture = cell => cell.children[z];
          function show(value) {
            z = Number(value);
            for (const cell of cells) [...cell.children].forEach((child, index) => child.hidden = index !== z);
            one("z").value = z; one("zname").value = z;
            wipe();
          }
          function wipe() {
            cells.forEach(cell => { cell.classList.toggle("a", cell === chosen[0]); cell.classList.toggle("b", cell === chosen[1]); });
            const pictures = chosen.map(picture);
            const ready = pictures.length === 2 && pictures.every(item => item.tagName === "IMG");
            one("wipe").hidden = !ready;
            if (!ready) return;
            ["under", "over"].forEach((id, index) => {
              one(id).src = pictures[index].src;
              one(id).classList.toggle("small", pictures[index].naturalWidth <= 128);
            });
            one("over").style.clipPath = `inset(0 0 0 ${one("share").value}%)`;
            one("names").textContent = "A: " + pictures[0].alt + " · B: " + pictures[1].alt;
          }
          function choose(cell) {
            chosen = chosen.includes(cell) ? chosen.filter(other => other !== cell) : [...chosen.slice(-1), cell];
            wipe();
          }
          for (const cell of cells) {
            cell.addEventListener("click", () => choose(cell));
            cell.addEventListener("keydown", event => { if (event.key === "Enter") choose(cell); });
          }
          one("size").addEventListener("input", event =>
            document.querySelector("table").style.setProperty("--cell", event.target.value + "px", "important"));
          one("share").addEventListener("input", wipe);
          one("close").addEventListener("click", () => { chosen = []; wipe(); });
          if (one("z")) {
            one("z").addEventListener("input", event => show(event.target.value));
            one("zname").addEventListener("input", event => show(event.target.value));
          }
        })();
        """
}
