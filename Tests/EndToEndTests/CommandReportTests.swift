import Foundation
import TestSupport
import Testing

/// What a trainer gets that knows nothing of this program: it logs `val_loss` and writes pictures.
@Suite("A command trainer's answer", .serialized)
struct CommandReportTests {
    private static let picture = RadiataProgram.root.appending(path: "Tests/ImageFilesTests/Fixtures/rgb.png").path

    /// The loss falls with `width`, hardly with `depth`; seeds differ a little.
    private static let script = """
        mkdir -p "$1/samples"
        for s in 10 20 30; do
            awk -v s=$s -v w=$2 -v d=$3 -v e=$4 'BEGIN {
                printf "{\\"step\\": %d, \\"val_loss\\": %.6f}\\n", s, 2 / s + 1 / w + 0.001 * d + 0.0005 * ((w * 7 + e * 3) % 5)
            }' >> "$1/metrics.jsonl"
            cp "$5" "$1/samples/mine_0000${s}_00_20250131120000.png"
        done
        """

    @Test("leaderboard, curves, importance and image grid of val_loss and samples", .timeLimit(.minutes(15)))
    func answer() throws {
        let house = try House()
        try house.startCoordinator()
        let script = try house.folder.write("train.sh", Self.script)
        let file = try house.folder.write(
            "mine.yaml",
            """
            name: mine
            trainer:
              command: [sh, "\(script)", "{out}", "{width}", "{depth}", "{seed}", "\(Self.picture)"]
              metrics: [ { jsonl: "{out}/metrics.jsonl" } ]
              samples: [ { glob: "{out}/samples/*.png" } ]
            seeds: [1, 2, 3]
            groups: [ { grid: { width: [2, 4, 8, 16], depth: [1, 2] } } ]
            """)
        let launched = try house.radiata(["launch", file])
        try #require(launched.status == 0, "\(launched)")
        _ = try house.startWorker("worker")
        try house.eventually("the jobs are done") {
            let left = try house.query("SELECT state, message FROM jobs WHERE state <> 'done'")
            return left.isEmpty ? nil : "\(left)"
        }
        let top = try house.radiata(["top", "mine", "--format", "json"])
        let found = try #require(try JSONSerialization.jsonObject(with: Data(top.output.utf8)) as? [String: Any])
        let rows = try #require(found["rows"] as? [[String: Any]])
        #expect(rows.count == 8 && found["established"] as? Bool == true)
        #expect((rows[0]["parameters"] as? [String: Any])?["width"] as? Int == 16)
        #expect((rows[7]["parameters"] as? [String: Any])?["width"] as? Int == 2)
        let named = try house.radiata(["top", "mine", "--metric", "val_loss", "--format", "csv"])
        #expect(named.output.split(separator: "\n").dropFirst().first?.contains("width 16") == true, "\(named)")

        let importance = try house.radiata(["importance", "mine"])
        #expect(importance.status == 0, "\(importance)")
        let spoken = importance.output + importance.messages
        let (width, depth) = (spoken.range(of: "width"), spoken.range(of: "depth"))
        #expect(width != nil && (depth == nil || width!.lowerBound < depth!.lowerBound), "\(spoken)")

        let page = house.folder.path + "/mine.html"
        let report = try house.radiata(["report", "mine", "-o", page])
        try #require(report.status == 0, "\(report)")
        let html = try String(contentsOfFile: page, encoding: .utf8)
        for part in ["leaderboard", "curves", "importance", "pictures"] {
            #expect(html.contains("id=\"\(part)\""), "\(part)")
        }
        #expect(html.contains("val_loss") && html.components(separatedBy: "data:image/").count > 8)

        let grid = house.folder.path + "/grid.html"
        let drawn = try house.radiata(
            [
                "grid", "mine", "--x", "width", "--y", "step", "--z", "depth", "--cache", house.folder.path + "/cache",
                "-o", grid,
            ])
        #expect(drawn.status == 0 && drawn.messages.contains("24 cells"), "\(drawn)")
        #expect(
            try String(contentsOfFile: grid, encoding: .utf8).components(separatedBy: "data:image/").count == 25)
    }
}
