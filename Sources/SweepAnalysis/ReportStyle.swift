/// The report's looks: one style sheet, light and dark.
enum ReportStyle {
    static let css = """
        :root { color-scheme: light dark; --ground: #f5f4f1; --card: #ffffff; --ink: #1d2026; --quiet: #6a7079;
          --line: #e3e1db; --accent: #b3263f; --good: #1f7a4d; --bad: #b3541e; --mark: #fdf0d5; }
        @media (prefers-color-scheme: dark) { :root { --ground: #15171b; --card: #1e2127; --ink: #e8e8ea;
          --quiet: #9aa0aa; --line: #31353d; --accent: #ef6a80; --good: #5cc28f; --bad: #e59866; --mark: #4a3d1c; } }
        * { box-sizing: border-box; }
        body { margin: 0; background: var(--ground); color: var(--ink);
          font: 15px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif; }
        main { max-width: 1200px; margin: 0 auto; padding: 36px 20px 60px; }
        header { margin-bottom: 24px; }
        .brand { margin: 0; color: var(--accent); font-weight: 700; letter-spacing: .14em; text-transform: uppercase;
          font-size: 12px; }
        h1 { margin: 2px 0 14px; font-size: 34px; line-height: 1.15; letter-spacing: -.01em; }
        h2 { margin: 0 0 8px; font-size: 18px; }
        h3 { margin: 18px 0 6px; font-size: 14px; font-weight: 600; }
        p { margin: 6px 0; }
        .quiet { color: var(--quiet); font-size: 13px; }
        .facts { display: flex; flex-wrap: wrap; gap: 10px 28px; margin: 0; }
        .facts dt { color: var(--quiet); font-size: 12px; }
        .facts dd { margin: 0; font-weight: 600; }
        .card { background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: 20px 24px;
          margin: 0 0 18px; }
        .hero { border-top: 4px solid var(--accent); }
        .winner { margin: 4px 0 0; font-size: 24px; font-weight: 650; }
        .good { color: var(--good); } .bad { color: var(--bad); }
        .gauge { margin: 44px 4px 14px; }
        .track { position: relative; height: 8px; border-radius: 4px; background: var(--line); margin-bottom: 34px; }
        .fill { position: absolute; top: 0; bottom: 0; border-radius: 4px; background: var(--accent); opacity: .75; }
        .track i { position: absolute; top: -5px; width: 2px; height: 18px; background: var(--ink); font-style: normal; }
        .track i b, .track i span { position: absolute; left: 0; transform: translateX(-50%); white-space: nowrap;
          font-size: 12px; }
        .track i b { top: -22px; } .track i span { top: 20px; color: var(--quiet); }
        .track i.best b { font-size: 15px; color: var(--accent); top: -26px; }
        figure { margin: 14px 0 2px; }
        img { max-width: 100%; height: auto; border-radius: 8px; border: 1px solid var(--line); background: #fff; }
        .scroll { overflow-x: auto; }
        table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; font-size: 14px; }
        th, td { padding: 7px 10px; border-bottom: 1px solid var(--line); text-align: right; white-space: nowrap; }
        th:first-child { text-align: left; padding-left: 0; }
        thead th { vertical-align: bottom; font-weight: 600; font-size: 13px; }
        thead small { display: block; color: var(--quiet); font-weight: 400; }
        tbody th { font-weight: 500; }
        tbody tr:hover { background: color-mix(in srgb, var(--line) 40%, transparent); }
        td.best { background: var(--mark); font-weight: 700; border-radius: 4px; }
        tr.reference th, tr.reference td { color: var(--quiet); font-weight: 500; border-bottom: 0; }
        details { border-top: 1px solid var(--line); padding: 8px 0; }
        summary { cursor: pointer; font-weight: 550; }
        svg { width: 100%; height: auto; display: block; }
        svg .grid { stroke: var(--line); } svg .floor { stroke: var(--quiet); stroke-dasharray: 5 4; }
        svg text { fill: var(--quiet); font-size: 12px; } svg .axis { font-size: 13px; }
        svg circle { stroke: var(--card); stroke-width: 1.5; opacity: .92; } svg .ring { stroke: var(--ink); stroke-width: 2.5; }
        .legend { display: flex; flex-wrap: wrap; gap: 4px 18px; font-size: 13px; margin: 6px 0; }
        .legend i { display: inline-block; width: 11px; height: 11px; border-radius: 50%; margin-right: 6px; }
        pre { background: var(--ground); border: 1px solid var(--line); border-radius: 8px; padding: 10px 14px;
          overflow-x: auto; font-size: 12.5px; line-height: 1.5; white-space: pre-wrap; margin: 0; }
        code { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; font-size: .93em; }
        ul { padding-left: 20px; }
        footer { color: var(--quiet); font-size: 12px; text-align: center; margin-top: 26px; }
        @media print { body { background: #fff; } .card { break-inside: avoid; } }
        """
}
