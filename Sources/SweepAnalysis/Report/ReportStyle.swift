/// The report's looks, light and dark; the figures have theirs from `FigureTheme`.
enum ReportStyle {
    static let css = """
        :root { color-scheme: light dark; --ground: #f5f4f1; --card: #ffffff; --ink: #1d2026; --quiet: #646a73;
          --line: #e3e1db; --accent: #b3263f; --warn: #8a4b0f; --warn-ground: #fbeedd; --tied: #f6f1e4; }
        @media (prefers-color-scheme: dark) { :root { --ground: #15171b; --card: #1e2127; --ink: #e8e8ea;
          --quiet: #a2a8b2; --line: #31353d; --accent: #ef6a80; --warn: #f0b27a; --warn-ground: #3a2c1b;
          --tied: #2a2b2c; } }
        * { box-sizing: border-box; }
        body { margin: 0; background: var(--ground); color: var(--ink);
          font: 15px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif; }
        main { max-width: 1240px; margin: 0 auto; padding: 36px 20px 60px; }
        header { margin-bottom: 24px; }
        .brand { margin: 0; color: var(--accent); font-weight: 700; letter-spacing: .14em; text-transform: uppercase;
          font-size: 12px; }
        h1 { margin: 2px 0 14px; font-size: 34px; line-height: 1.15; letter-spacing: -.01em; overflow-wrap: anywhere; }
        h2 { margin: 0 0 8px; font-size: 19px; line-height: 1.3; }
        h3 { margin: 22px 0 6px; font-size: 14px; font-weight: 600; }
        p { margin: 6px 0; max-width: 78ch; overflow-wrap: anywhere; }
        .quiet { color: var(--quiet); font-size: 13px; font-weight: 400; }
        .facts { display: flex; flex-wrap: wrap; gap: 10px 28px; margin: 0; }
        .facts > div { min-width: 0; }
        .facts dt { color: var(--quiet); font-size: 12px; }
        .facts dd { margin: 0; font-weight: 600; overflow-wrap: anywhere; }
        .card { background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: 22px 26px;
          margin: 0 0 18px; min-width: 0; }
        .hero { border-top: 4px solid var(--accent); }
        .hero h2 { font-size: 13px; letter-spacing: .06em; text-transform: uppercase; color: var(--accent); }
        .winner { margin: 4px 0 10px; font-size: 22px; line-height: 1.35; font-weight: 600; text-wrap: pretty; }
        .warnings { list-style: none; padding: 0; margin: 14px 0; }
        .warnings li { background: var(--warn-ground); color: var(--warn); border-radius: 8px; padding: 8px 12px;
          margin: 6px 0; max-width: 82ch; }
        .advice { border-top: 1px solid var(--line); margin-top: 18px; }
        .badge { display: inline-block; font-size: 11.5px; line-height: 1.6; font-weight: 600; padding: 0 7px;
          border-radius: 9px; background: var(--warn-ground); color: var(--warn); white-space: nowrap; }
        .badge.front { background: none; border: 1px solid var(--quiet); color: var(--quiet); font-weight: 500; }
        .findings { list-style: none; padding: 0; margin: 0; display: grid; gap: 10px 28px;
          grid-template-columns: repeat(auto-fill, minmax(min(100%, 420px), 1fr)); }
        .tiles { display: grid; gap: 26px 30px; margin: 14px 0; align-items: start;
          grid-template-columns: repeat(auto-fill, minmax(min(100%, 320px), 1fr)); }
        .figure { margin: 14px 0; } .tiles .figure { margin: 0; }
        figure { margin: 0; min-width: 0; }
        figcaption { color: var(--quiet); font-size: 12.5px; margin-top: 4px; overflow-wrap: anywhere; }
        img { display: block; max-width: 100%; height: auto; border-radius: 6px; background: #fff;
          box-shadow: 0 0 0 1px var(--line); }
        .proof { display: grid; gap: 18px; margin: 18px 0 6px; align-items: start; }
        .proof2, .proof3 { grid-template-columns: repeat(auto-fit, minmax(min(100%, 300px), 1fr)); }
        .proof1 { max-width: 900px; }
        .shots { display: grid; gap: 8px; justify-items: start; } .shots img { max-height: 900px; width: auto; }
        .shots.several { grid-template-columns: 1fr 1fr; } .shots a { min-width: 0; max-width: 100%; display: block; }
        .gallery { display: grid; gap: 14px; margin: 12px 0; align-items: start;
          grid-template-columns: repeat(auto-fill, minmax(min(100%, 220px), 1fr)); }
        .gallery img { width: 100%; } .gallery a { display: block; }
        .scroll { overflow-x: auto; margin: 12px 0; }
        table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; font-size: 14px; }
        th, td { padding: 7px 8px; border-bottom: 1px solid var(--line); text-align: right; white-space: nowrap; }
        tbody th, tfoot th, thead th:nth-child(2) { text-align: left; }
        #difference th:first-child, #costs th:first-child { text-align: left; }
        #difference-table { table-layout: fixed; } #difference tbody th { min-width: 0; }
        #difference thead th, #difference td { white-space: normal; overflow-wrap: anywhere; text-align: left; }
        tbody th { font-weight: 500; max-width: 30em; white-space: normal; min-width: 15em; }
        thead th { vertical-align: bottom; font-weight: 600; font-size: 13px; }
        thead small { display: block; color: var(--quiet); font-weight: 400; }
        td small { display: block; color: var(--quiet); font-size: 12.5px; font-weight: 400; }
        tbody tr:hover { background: color-mix(in srgb, var(--line) 40%, transparent); }
        tr.tied { background: var(--tied); }
        tr.same { color: var(--quiet); } tr:not(.same) > td { font-weight: 600; }
        #leaderboard table { font-size: 13.5px; } #leaderboard th, #leaderboard td { padding-inline: 6px; }
        #leaderboard thead th { font-size: 12.5px; } #leaderboard tbody th { min-width: 12em; }
        #leaderboard tr > td, #costs tr > td { font-weight: 400; } #leaderboard td.first { font-weight: 650; }
        tr.reference th, tr.reference td { color: var(--quiet); font-weight: 500; border-bottom: 0; }
        .choices { display: grid; gap: 10px 18px; margin: 10px 0;
          grid-template-columns: repeat(auto-fit, minmax(min(100%, 300px), 1fr)); }
        .choices label { color: var(--quiet); font-size: 13px; min-width: 0; }
        select { display: block; width: 100%; max-width: 100%; font: inherit; font-size: 14px; color: var(--ink);
          background: var(--card); border: 1px solid var(--line); border-radius: 7px; padding: 7px 8px; }
        details { border-top: 1px solid var(--line); padding: 9px 0; }
        summary { cursor: pointer; font-weight: 550; overflow-wrap: anywhere; }
        pre { background: var(--ground); border: 1px solid var(--line); border-radius: 8px; padding: 10px 14px;
          overflow-x: auto; font-size: 12.5px; line-height: 1.5; white-space: pre-wrap; overflow-wrap: anywhere;
          margin: 6px 0; }
        code { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; font-size: .93em; }
        ul { padding-left: 20px; } li { overflow-wrap: anywhere; }
        footer { color: var(--quiet); font-size: 12px; text-align: center; margin-top: 26px; }
        @media (max-width: 640px) { main { padding: 22px 10px 40px; } .card { padding: 16px 14px; }
          h1 { font-size: 27px; } .winner { font-size: 18px; } th, td { padding: 6px 8px; }
          tbody th { min-width: 12em; } .gallery { grid-template-columns: repeat(auto-fill, minmax(140px, 1fr)); } }
        @media print { body { background: #fff; } .card, figure { break-inside: avoid; } }
        """
}
