import Foundation
import TestSupport
import Testing

/// Every view of the coordinator's page in a real browser; `make page-check` does there what people do.
@Suite(
    "Views of the page",
    .enabled(if: Chromium.path != nil, "NOT TESTED: no Chromium here; `make setup` installs it"), .serialized)
struct PageViewTests {
    /// A trainer that logs, saves and draws.
    private static let sweep = #"""
        name: views
        trainer:
          command:
            - sh
            - -c
            - |
              mkdir -p "$0/ckpt" "$0/samples"
              for step in 1 2 3 4 5 6 7 8; do printf '\173"step": %s, "loss": 0.%s\175\n' $step $((9 - step)); done \
                > "$0/metrics.jsonl"
              echo weights > "$0/ckpt/adapter-8.safetensors"
              printf '%s' "$2" | base64 -d > "$0/samples/step-8-0.png"
              echo "trained with $1"
            - "{out}"
            - "{lr}"
            - "PICTURE"
          metrics: [ { jsonl: "{out}/metrics.jsonl" } ]
          checkpoints: [ { glob: "{out}/ckpt/adapter-*.safetensors", step: "adapter-([0-9]+)", kind: adapter } ]
          samples: [ { glob: "{out}/samples/*.png" } ]
        seeds: [1, 2]
        groups: [ { name: g, grid: { lr: [1e-4, 1e-3] } } ]
        """#
    /// A PNG of one pixel.
    private static let picture =
        "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="

    @Test("each shows what it is for, at three widths, without an error and without overflow", .timeLimit(.minutes(15)))
    func views() throws {
        let house = try House()
        let chromium = try Chromium()
        try house.startCoordinator()
        let file = try house.folder.write("views.yaml", Self.sweep.replacing("PICTURE", with: Self.picture))
        let launched = try house.radiata(["launch", file, "--yes"])
        try #require(launched.status == 0, "\(launched)")
        _ = try house.startWorker("one")
        try house.eventually("all jobs are done") {
            let done = try house.count("SELECT count(*) FROM jobs WHERE state = 'done'")
            return done == 4 ? nil : "\(done) are done"
        }
        let job = try #require(try house.query("SELECT id FROM jobs ORDER BY id LIMIT 1").first?["id"] as? String)
        let link = try house.radiata(["open", "--no-browser"]).output.trimmingCharacters(in: .whitespacesAndNewlines)
        let tab = try chromium.open(link, isWatched: true)
        try chromium.wait("document.querySelector('.card a')?.textContent === 'views'", in: tab)
        for (hash, sign) in [
            ("#/sweeps", ".card .verdict"), ("#/sweep/views", "tbody .state.done"),
            ("#/sweep/views?filter=lr:1e-3&sort=-seed", "th[aria-sort=descending]"),
            ("#/sweep/views/curves", ".plot canvas"), ("#/sweep/views/compare", ".layers canvas"),
            ("#/sweep/views/ranking", ".ranking tbody tr"), ("#/sweep/views/images", ".frame img[src]"),
            ("#/sweep/views/votes", ".ballot img[src]"), ("#/job/\(job)", "button.file"),
            ("#/workers", ".workers tbody tr"),
        ] {
            _ = try chromium.evaluate("location.hash = '\(hash)'", in: tab)
            try chromium.wait("document.querySelector('\(sign)') !== null", in: tab)
            for width in [390, 1440, 2560] {
                try chromium.resize(tab, width: width)
                try chromium.wait(
                    "document.documentElement.scrollWidth <= document.documentElement.clientWidth", in: tab, seconds: 10
                )
            }
        }
        #expect(chromium.faults.isEmpty, "\(chromium.faults.joined(separator: "\n"))")
    }
}
