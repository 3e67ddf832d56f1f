import Foundation
import RunSpec

/// What differs between any two configurations: two lists to choose from, and a small script.
struct DifferenceSection: ReportSection {
    /// A page with more would be slow to open.
    private static let mostConfigurations = 1000

    private struct Entry: Encodable {
        var label: String
        var parameters: [String: String]
        var measures: [String: String]
    }

    func html(_ context: ReportContext) -> String {
        let numbers = context.numbers
        guard numbers.configurations.count > 1 else { return "" }
        let shown = numbers.configurations.prefix(Self.mostConfigurations)
        let entries = shown.enumerated().map { index, configuration in
            Entry(
                label: "\(index + 1). \(configuration.label)",
                parameters: configuration.parameters.mapValues { VariedParameters.text($0) },
                measures: Dictionary(
                    context.criteria.compactMap { measure in
                        numbers.chosen(measure, of: index).map {
                            (context.axisTitle(measure), HTML.number($0.mean))
                        }
                    }
                ) { first, _ in first })
        }
        return """
            <section class="card" id="difference">
            <h2>Difference between two configurations</h2>
            <div class="choices">
            <label>one <select id="difference-a"></select></label>
            <label>other <select id="difference-b"></select></label>
            </div>
            <div class="scroll" tabindex="0" role="region" aria-label="difference"><table id="difference-table">\
            <thead></thead><tbody></tbody></table></div>
            <noscript><p class="quiet">The comparison needs scripts to be allowed.</p></noscript>
            <script type="application/json" id="configurations">\(HTML.json(entries))</script>
            <script>\(Self.script)</script>
            </section>
            """
    }

    /// Only text is set, never markup: names come from sweep files.
    private static let script = """
        (() => {
          const all = JSON.parse(document.getElementById("configurations").textContent);
          const [a, b] = ["difference-a", "difference-b"].map((id) => document.getElementById(id));
          const table = document.getElementById("difference-table");
          for (const select of [a, b]) for (const [index, one] of all.entries()) select.add(new Option(one.label, index));
          b.selectedIndex = 1;
          const row = (cells, kind, same) => {
            const tr = document.createElement("tr");
            if (same) tr.className = "same";
            cells.forEach((text, index) => {
              const cell = document.createElement(index === 0 ? "th" : kind);
              cell.textContent = text;
              tr.append(cell);
            });
            return tr;
          };
          const show = () => {
            const [one, other] = [all[a.value], all[b.value]];
            table.tHead.replaceChildren(row(["", one.label, other.label], "th"));
            const rows = [];
            for (const part of ["parameters", "measures"]) {
              const names = [...new Set([...Object.keys(one[part]), ...Object.keys(other[part])])].sort();
              const made = names.map((name) => {
                const [x, y] = [one[part][name] ?? "–", other[part][name] ?? "–"];
                return { x, y, name, same: x === y };
              });
              made.sort((p, q) => p.same - q.same);
              rows.push(...made.map(({ x, y, name, same }) => row([name, x, y], "td", same)));
            }
            table.tBodies[0].replaceChildren(...rows);
          };
          a.addEventListener("change", show);
          b.addEventListener("change", show);
          show();
        })();
        """
}
