/// The looks of all figures, light and dark.
package enum FigureTheme {
    /// Units of a drawing for telephones: at 390 pixels, less a page's margins, a unit is about a pixel.
    package static let narrowWidth = 340.0
    package static let wideWidth = 1100.0

    /// The eight series colours follow the hues of Okabe and Ito (2008), darker on light pages; each has a
    /// contrast of 3 to 1 or more to the ground. The background's grey is fainter on purpose.
    package static let css = """
        :root { --figure-ground: #ffffff; --figure-ink: #1d2026; --figure-quiet: #646a73; --figure-grid: #e6e4de;
          --figure-accent: #b3263f; --figure-tie: #f6f1e4; --series-0: #a3a7ad; --series-1: #0067a5;
          --series-2: #c8500a; --series-3: #00805b; --series-4: #b5488c; --series-5: #a87400; --series-6: #3d95cc;
          --series-7: #6a4fb3; --series-8: #6f6a60; --ramp-low: #c9d3dd; --ramp-high: #123f7a; }
        @media (prefers-color-scheme: dark) { :root { --figure-ground: #1e2127; --figure-ink: #e8e8ea;
          --figure-quiet: #a2a8b2; --figure-grid: #343942; --figure-accent: #ef6a80; --figure-tie: #2a2b2c;
          --series-0: #666c76; --series-1: #4ba3e3; --series-2: #ff8a4c; --series-3: #35c79a; --series-4: #e58fc1;
          --series-5: #e6b13a; --series-6: #9ad4fb; --series-7: #b39df0; --series-8: #b8b0a2; --ramp-low: #3d4a58;
          --ramp-high: #9fd0ff; } }
        .figure { container-type: inline-size; margin: 0; min-width: 0; }
        .figure svg { display: block; width: 100%; height: auto; overflow: hidden; font-weight: 400;
          font-family: system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
        .figure .narrow, .figure .tile { font-size: \(Drawing.textSize(narrowWidth))px; max-width: 520px; }
        .figure .wide { font-size: \(Drawing.textSize(wideWidth))px; max-width: 1180px; }
        .figure svg.wide { display: none; }
        @container (min-width: 900px) { .figure svg.wide { display: block; } .figure svg.narrow { display: none; } }
        .figure text { fill: var(--figure-quiet); } .figure .ink { fill: var(--figure-ink); }
        .figure .strong { font-weight: 650; fill: var(--figure-ink); }
        .figure .halo { paint-order: stroke; stroke: var(--figure-ground); stroke-width: 4px; stroke-linejoin: round; }
        .figure .grid { stroke: var(--figure-grid); stroke-width: 1; }
        .figure .base { stroke: var(--figure-quiet); stroke-width: 1; }
        .figure .floor { stroke: var(--figure-quiet); stroke-width: 1.5; stroke-dasharray: 6 4; fill: none; }
        .figure .bound { stroke: var(--figure-ink); stroke-width: 1.5; stroke-dasharray: 2 3; fill: none; }
        .figure .attempt { stroke: var(--figure-quiet); stroke-width: 1; stroke-dasharray: 1 3; }
        .figure .save { fill: var(--figure-quiet); }
        .figure .tie { fill: var(--figure-tie); }
        .figure .ring { fill: none; stroke: var(--figure-accent); stroke-width: 2.5; }
        .figure .fallen { stroke: var(--figure-ink); stroke-width: 1.6; stroke-linecap: round; }
        .figure .outside { fill: none; stroke: var(--figure-quiet); stroke-width: 1.6; stroke-dasharray: 2.5 2; }
        .figure .front { fill: none; stroke: var(--figure-ink); stroke-width: 1.5; stroke-dasharray: 5 3; opacity: .7; }
        .figure .mean { stroke: var(--figure-ink); stroke-width: 2.5; stroke-linecap: round; }
        .figure .seed { fill: var(--figure-quiet); opacity: .55; }
        .figure .bar { fill: var(--c); } .figure .rest { fill: var(--figure-grid); }
        .figure .m { fill: var(--c); stroke: var(--figure-ground); stroke-width: 1; }
        .figure .l { fill: none; stroke: var(--c); stroke-width: 2; stroke-linejoin: round; stroke-linecap: round; }
        .figure .w { stroke: var(--c); stroke-width: 2; } .figure .b { fill: var(--c); opacity: .16; stroke: none; }
        .figure .thin { stroke-width: 1.2; opacity: .75; } .figure .dim { opacity: .4; }
        .figure .s0 { --c: var(--series-0); } .figure .s1 { --c: var(--series-1); }
        .figure .s2 { --c: var(--series-2); } .figure .s3 { --c: var(--series-3); }
        .figure .s4 { --c: var(--series-4); } .figure .s5 { --c: var(--series-5); }
        .figure .s6 { --c: var(--series-6); } .figure .s7 { --c: var(--series-7); }
        .figure .s8 { --c: var(--series-8); }
        .figure .l.s0 { stroke-width: 1; opacity: .7; } .figure .m.s0 { opacity: .75; }
        .figure .l.s2 { stroke-dasharray: 8 4; } .figure .l.s3 { stroke-dasharray: 2 4; }
        .figure .l.s4 { stroke-dasharray: 10 3 2 3; } .figure .l.s5 { stroke-dasharray: 5 5; }
        .figure .l.s6 { stroke-dasharray: 14 4; } .figure .l.s7 { stroke-dasharray: 8 3 2 3 2 3; }
        .figure .l.s8 { stroke-dasharray: 1 6; }
        \(ramp)
        .legend { display: flex; flex-wrap: wrap; gap: 4px 18px; list-style: none; padding: 0; margin: 8px 0; }
        .legend li { display: flex; align-items: center; gap: 7px; font-size: 13px; min-width: 0; }
        .legend li.figure { container-type: normal; margin: 0; }
        .legend li span { min-width: 0; overflow-wrap: anywhere; }
        .legend svg { width: 30px; height: 14px; flex: none; }
        """

    /// Classes `r0` to `r9`: from the worst value to the best one.
    private static let ramp = (0..<rampSteps).map { step in
        ".figure .r\(step) { --c: color-mix(in oklab, var(--ramp-high) \(100 * step / (rampSteps - 1))%, "
            + "var(--ramp-low)); }"
    }.joined(separator: "\n")

    static let rampSteps = 10
}
