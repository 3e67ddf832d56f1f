import Coordinator
import Foundation
import Ports
import RunSpec
import SweepLedger
import SweepModel
import SweepWire
import Testing

/// What the page for people asks for, over real HTTP on a real ledger.
@Suite("Calls of the page")
struct PageTests {
    private static func get(_ bench: DaemonBench, _ path: String) async throws -> [String: Any] {
        let answer = try await bench.raw.request("GET", path)
        try #require(answer.status == 200, "\(path): \(answer.text)")
        let bytes = Data(answer.body.utf8)
        return try #require(try JSONSerialization.jsonObject(with: bytes) as? [String: Any])
    }

    private static func post(_ bench: DaemonBench, _ path: String, _ body: [String: Any]) async throws -> RawHTTP.Answer
    {
        let text = String(decoding: try JSONSerialization.data(withJSONObject: body), as: UTF8.self)
        return try await bench.raw.request("POST", path, body: text)
    }

    private static func act(
        _ bench: DaemonBench, _ action: String, _ target: String, isTrial: Bool, priority: Int? = nil
    )
        async throws -> (words: String, changes: Bool)
    {
        var body: [String: Any] = ["action": action, "target": target, "isTrial": isTrial]
        body["priority"] = priority
        let answer = try await post(bench, "/page/act", body)
        try #require(answer.status == 200, "\(answer.text)")
        let object = try #require(try JSONSerialization.jsonObject(with: Data(answer.body.utf8)) as? [String: Any])
        let words = try #require(object["words"] as? [String])
        return (words.joined(separator: " "), try #require(object["changes"] as? Bool))
    }

    @Test("a table is filtered, sorted and cut into pages; what is no column is named")
    func table() async throws {
        try await DaemonBench.with { bench async throws in
            try await bench.launch(["1e-4", "3e-3", "2e-5", "1e-2"])
            func rates(_ query: String) async throws -> (total: Int, rates: [Double]) {
                let answer = try await Self.get(bench, "/page/jobs?sweep=t&columns=lr&\(query)")
                let rows = try #require(answer["rows"] as? [[String: Any]])
                let cells = rows.compactMap { ($0["cells"] as? [Any])?.first as? Double }
                return (try #require(answer["total"] as? Int), cells)
            }
            #expect(try await rates("sort=lr") == (4, [2e-5, 1e-4, 3e-3, 1e-2]))
            #expect(try await rates("sort=-lr&limit=2&offset=1") == (4, [3e-3, 1e-4]))
            #expect(try await rates("sort=lr&filter=lr%3E1e-4") == (2, [3e-3, 1e-2]))
            #expect(try await rates("sort=lr&filter=lr%3A1e-5..3e-3") == (3, [2e-5, 1e-4, 3e-3]))
            #expect(try await rates("sort=lr&filter=lr%3A0.01,2e-5%20state%3Awaiting") == (2, [2e-5, 1e-2]))
            #expect(try await rates("sort=lr&filter=lr!%3D0.01") == (3, [2e-5, 1e-4, 3e-3]))
            #expect(try await rates("filter=state%3Adone").total == 0)
            #expect(try await rates("filter=worker%3Anone").total == 4)
            let id = try await bench.query("SELECT id FROM jobs ORDER BY id LIMIT 1")[0][0]
            guard case .text(let text) = id else {
                Issue.record("\(id)")
                return
            }
            #expect(try await rates("filter=\(text.prefix(10))").total == 1)
            let wrong = try await bench.raw.request("GET", "/page/jobs?sweep=t&filter=lrx%3E1")
            #expect(wrong.status == 400 && wrong.body.contains("no column 'lrx'"))
            #expect(try await bench.raw.request("GET", "/page/jobs?sweep=t&filter=lr%3Ex").status == 400)
            #expect(try await bench.raw.request("GET", "/page/jobs?sweep=none").status == 404)
            // What changes is seen, and so are jobs that come later.
            _ = try await Self.act(bench, "pause", text, isTrial: false)
            try await bench.launch(["5e-1"])
            // A table is kept for half a second.
            let end = ContinuousClock.now + .seconds(20)
            while try await rates("filter=state%3Apaused").total != 1, ContinuousClock.now < end {}
            while try await rates("filter=state%3Awaiting").total != 4, ContinuousClock.now < end {}
            #expect(try await rates("filter=state%3Awaiting").total == 4)
            #expect(try await rates("filter=state%3Apaused").total == 1)
        }
    }

    @Test("a trial says what would happen and changes nothing; the deed does it, and stands in the audit")
    func trials() async throws {
        try await DaemonBench.with { bench async throws in
            try await bench.launch(["1e-4", "1e-3"])
            let states = "SELECT state, count(*) FROM jobs GROUP BY 1"
            let before = try await bench.query(states)
            let events = try await bench.query("SELECT count(*) FROM event")
            let trial = try await Self.act(bench, "pause", "t", isTrial: true)
            #expect(trial.words == "2 jobs wait no longer and are paused." && trial.changes)
            #expect(try await bench.query(states) == before)
            #expect(try await bench.query("SELECT count(*) FROM event") == events)
            _ = try await Self.act(bench, "pause", "t", isTrial: false)
            #expect(try await bench.query(states) == [[.text("paused"), .integer(2)]])
            #expect(try await !Self.act(bench, "pause", "t", isTrial: true).changes)
            let worker = try await HandWorker("w", bench)
            _ = try await Self.act(bench, "unpause", "t", isTrial: false)
            _ = try await worker.claim()
            let cancel = try await Self.act(bench, "cancel", "t", isTrial: true)
            #expect(cancel.words.contains("1 job of these run now"))
            let drain = try await Self.act(bench, "drain", "w", isTrial: true)
            #expect(drain.words.contains("1 job that it runs"))
            #expect(try await bench.query("SELECT state FROM worker") == [[.text("active")]])
            _ = try await Self.act(bench, "drain", "w", isTrial: false)
            #expect(try await bench.query("SELECT state FROM worker") == [[.text("draining")]])
            let audit = try await bench.query(
                "SELECT call, detail FROM audit WHERE call IN ('action', 'drain') ORDER BY id")
            #expect(audit.count == 3 && audit.first == [.text("action"), .text("pause t")])
        }
    }

    @Test("a priority changes who goes first, also for jobs that wait already")
    func priority() async throws {
        try await DaemonBench.with { bench async throws in
            try await bench.launch(["1e-4", "1e-3", "1e-2"])
            let rows = try await bench.query("SELECT identity FROM job ORDER BY id DESC LIMIT 1")
            guard case .text(let id) = rows[0][0] else {
                Issue.record("\(rows)")
                return
            }
            #expect(try await Self.act(bench, "priority", id, isTrial: true, priority: 5).words.hasPrefix("1 job get"))
            #expect(try await bench.query("SELECT max(priority) FROM job") == [[.integer(0)]])
            _ = try await Self.act(bench, "priority", id, isTrial: false, priority: 5)
            let worker = try await HandWorker("w", bench)
            #expect(try await worker.claim().token.job.text == id)
            let wrong = try await Self.post(
                bench, "/page/act", ["action": "priority", "target": id, "isTrial": false, "priority": 1_000_000])
            #expect(wrong.status == 400)
        }
    }

    @Test(
        "a thinned curve keeps the first and the last point, and every extreme of its span",
        arguments: [5000, Ledger.longCurve + 20_000])
    func thinning(of count: Int) async throws {
        try await DaemonBench.with { bench async throws in
            try await bench.launch(["1e-4"])
            let worker = try await HandWorker("w", bench)
            let token = try await worker.claim().token
            var random = CounterRandom(seed: 7)
            var values = (0..<count).map { _ in random.unit() }
            (values[1234], values[4321]) = (17.5, -3.25)
            let steps = (0..<count).map { Int64($0 * 3) }
            for first in stride(from: 0, to: count, by: 5000) {
                let part = first..<min(count, first + 5000)
                let series = MetricSeries(key: "loss", steps: Array(steps[part]), values: Array(values[part]))
                let batch = MetricBatch(
                    token: token, session: await worker.session, first: UInt64(first + 1), series: [series])
                _ = try await bench.call(.metrics, batch)
            }
            func curve(_ query: String) async throws -> (steps: [Int64], values: [Double], total: Int) {
                let answer = try await Self.get(bench, "/page/curves?jobs=\(token.job.text)&key=loss&\(query)")
                let job = try #require((answer["jobs"] as? [[String: Any]])?.first)
                let run = try #require((job["attempts"] as? [[String: Any]])?.first)
                let steps = try #require(run["steps"] as? [NSNumber]).map(\.int64Value)
                let values = try #require(run["values"] as? [NSNumber]).map(\.doubleValue)
                return (steps, values, try #require(run["total"] as? Int))
            }
            let thin = try await curve("points=200")
            #expect(thin.total == count && thin.steps.count <= 200 && thin.steps == thin.steps.sorted())
            #expect(thin.steps.first == 0 && thin.steps.last == Int64((count - 1) * 3))
            #expect(thin.values.max() == 17.5 && thin.values.min() == -3.25)
            // Against the same rule, done plainly.
            let width = (steps[count - 1] - steps[0]) / 50 + 1
            let spans = Dictionary(grouping: 0..<count) { Int(steps[$0] / width) }
            for span in spans.values {
                let least = span.min { values[$0] < values[$1] }
                let most = span.max { values[$0] < values[$1] }
                for index in [span.min(), span.max(), least, most].compactMap({ $0 }) {
                    let place = thin.steps.firstIndex(of: steps[index])
                    // The reader of JSON here may miss the last bit.
                    let difference = place.map { abs(thin.values[$0] - values[index]) }
                    #expect(difference.map { $0 <= 1e-15 * max(1, abs(values[index])) } == true, "step \(steps[index])")
                }
            }
            let part = try await curve("points=20000&from=300&to=600")
            #expect(part.steps == Array(steps[100...200]))
            #expect(zip(part.values, values[100...200]).allSatisfy { abs($0 - $1) <= 1e-15 })
        }
    }

    @Test("a checkpoint is saved by a link that is good once, under a name of its own")
    func download() async throws {
        try await DaemonBench.with { bench async throws in
            try await bench.launch(["1e-4"])
            let worker = try await HandWorker("w", bench)
            let token = try await worker.claim().token
            let digest = try await worker.upload("weights")
            let manifest = CheckpointManifest(
                step: 10, epoch: 1, final: false,
                files: [CheckpointManifest.File(name: "a b.safetensors", kind: .adapter, bytes: 7, sha256: digest)])
            let report = CheckpointReport(name: "step-10", manifest: manifest, streamPosition: 0)
            #expect(try await worker.report(token, .checkpoint(report)) == .accepted)
            let wish = ["job": token.job.text, "checkpoint": "step-10", "file": "a b.safetensors"]
            let made = try await Self.post(bench, "/page/link", wish)
            let object = try JSONSerialization.jsonObject(with: Data(made.body.utf8)) as? [String: String]
            let path = "/" + (try #require(object?["path"]))
            let stranger = RawHTTP(bench.url)
            let file = try await stranger.request("GET", path)
            #expect(file.status == 200 && file.body == "weights")
            #expect(file.header("Content-Disposition")?.contains("-step-10-a-b.safetensors\"") == true)
            #expect(try await stranger.request("GET", path).status == 403)
            #expect(try await Self.post(bench, "/page/link", wish.merging(["file": "b"]) { $1 }).status == 404)
        }
    }

    /// A sample picture of a job at a step.
    private static func draw(_ bench: DaemonBench, _ name: String) async throws -> (job: String, sha256: String) {
        let worker = try await HandWorker(name, bench)
        let token = try await worker.claim().token
        let adapter = try await worker.upload("weights of \(name)")
        let manifest = CheckpointManifest(
            step: 10, epoch: 1, final: false,
            files: [
                CheckpointManifest.File(
                    name: "a.safetensors", kind: .adapter, bytes: 11 + name.utf8.count, sha256: adapter)
            ])
        _ = try await worker.report(
            token, .checkpoint(CheckpointReport(name: "step-10", manifest: manifest, streamPosition: 0)))
        let picture = try await worker.upload("\u{89}PNG of \(name)")
        let row = StoredArtifact(
            checkpoint: "step-10", kind: "sample", name: "step-000010-0.png", sha256: picture,
            bytes: "\u{89}PNG of \(name)".utf8.count)
        #expect(try await worker.report(token, .artifacts(ArtifactReport(rows: [row]))) == .accepted)
        return (token.job.text, picture)
    }

    @Test("a metric with an @ of its own and no prompts is a column like any other")
    func metricWithAt() async throws {
        try await DaemonBench.with { bench async throws in
            try await bench.launch(["1e-4"])
            let worker = try await HandWorker("w", bench)
            let token = try await worker.claim().token
            let adapter = try await worker.upload("weights")
            let manifest = CheckpointManifest(
                step: 10, epoch: 1, final: false,
                files: [CheckpointManifest.File(name: "a.safetensors", kind: .adapter, bytes: 7, sha256: adapter)])
            let saved = CheckpointReport(name: "step-10", manifest: manifest, streamPosition: 0)
            #expect(try await worker.report(token, .checkpoint(saved)) == .accepted)
            let rows = [("face@mine", "", 0.25), ("face@mine", "alter", 0.5)].map { metric, prompts, value in
                EvaluationRow(
                    checkpoint: "step-10", epoch: 1, step: 10, class: "", prompts: prompts, metric: metric,
                    value: value, n: 1)
            }
            let measured = EvaluationReport(rows: rows, completed: ["step-10"])
            #expect(try await worker.report(token, .evaluations(measured)) == .accepted)
            let page = try await Self.get(bench, "/page/jobs?sweep=t&columns=face@mine,face@mine@alter")
            let cells = (page["rows"] as? [[String: Any]])?.first?["cells"] as? [Double]
            #expect(cells == [0.25, 0.5], "\(page)")
        }
    }

    @Test("samples that are videos are listed as such and served as what they are; other files are not served")
    func videos() async throws {
        // As ffmpeg begins them, a GIF, and a page that calls itself a video.
        let mp4 = [0, 0, 0, 24] + Array("ftypisom".utf8) + [0, 0, 2, 0] + Array("isomavc1".utf8) + Array("mdat".utf8)
        let webm: [UInt8] =
            [0x1A, 0x45, 0xDF, 0xA3, 0x9F, 0x42, 0x86, 0x81, 1, 0x42, 0xF7, 0x81, 1, 0x42, 0xF2, 0x81, 4, 0x42]
            + [0xF3, 0x81, 8, 0x42, 0x82, 0x84] + Array("webm".utf8)
        let files: [(name: String, bytes: [UInt8], type: String?)] = [
            ("cat_e000002_00_20250131120000.mp4", mp4, "video/mp4"),
            ("cat_e000002_01_20250131120000.webm", webm, "video/webm"),
            ("cat_e000002_02_20250131120000.gif", Array("GIF89a and so on".utf8), "image/gif"),
            ("cat_e000002_03_20250131120000.mp4", Array("<html><script>alert(1)</script>".utf8), nil),
        ]
        try await DaemonBench.with { bench async throws in
            try await bench.launch(["1e-4"])
            let worker = try await HandWorker("w", bench)
            let token = try await worker.claim().token
            var rows: [StoredArtifact] = []
            for file in files {
                let digest = try await worker.upload(file.bytes)
                rows.append(
                    StoredArtifact(
                        checkpoint: "", kind: "sample", name: file.name, sha256: digest, bytes: file.bytes.count))
            }
            #expect(try await worker.report(token, .artifacts(ArtifactReport(rows: rows))) == .accepted)
            let items = try await Self.get(bench, "/page/pictures?sweep=t")["items"] as? [[String: Any]]
            let listed = try #require(items).sorted { "\($0["name"] ?? "")" < "\($1["name"] ?? "")" }
            #expect(listed.map { $0["isVideo"] as? Bool ?? false } == [true, true, false, true])
            #expect(listed.map { $0["series"] as? String } == ["00", "01", "02", "03"])
            #expect(listed.allSatisfy { $0["epoch"] as? Int == 2 })
            for (row, file) in zip(rows, files) {
                let answer = try await bench.raw.request("GET", "/page/picture?sha256=\(row.sha256)")
                #expect(answer.status == (file.type == nil ? 400 : 200), "\(file.name): \(answer.text)")
                #expect(answer.header("X-Content-Type-Options") == "nosniff")
                if let type = file.type { #expect(answer.header("Content-Type") == type, "\(file.name)") }
            }
            let page = try await bench.raw.request("GET", "/")
            #expect(page.header("Content-Security-Policy")?.contains("media-src blob:;") == true)
        }
    }

    private static func ballot(_ left: String, _ right: String, _ outcome: String) -> [String: Any] {
        let (left, right) = (["job": left, "place": "step-10"], ["job": right, "place": "step-10"])
        return ["sweep": "t", "series": "0", "outcome": outcome, "left": left, "right": right]
    }

    @Test("votes on pictures become a metric of their checkpoints, which rankings and queries have like any other")
    func votes() async throws {
        try await DaemonBench.with { bench async throws in
            try await bench.launch(["1e-4", "1e-3"])
            let one = try await Self.draw(bench, "one")
            let two = try await Self.draw(bench, "two")
            for outcome in ["left", "left", "tie"] {
                let answer = try await Self.post(
                    bench, "/page/vote", Self.ballot(one.job, two.job, outcome))
                #expect(answer.status == 200, "\(answer.text)")
            }
            let rows = try await bench.query(
                "SELECT job, checkpoint, value, n FROM results WHERE metric = 'votes' ORDER BY value DESC")
            #expect(rows.map { $0[0] } == [.text(one.job), .text(two.job)])
            #expect(rows.map { $0[3] } == [.integer(3), .integer(3)])
            guard case .real(let best) = rows[0][2], case .real(let worst) = rows[1][2] else {
                Issue.record("\(rows)")
                return
            }
            // Two wins and a tie against one other: t = 2.5 - 3 / (1 + exp(-2 t)), by scipy.
            #expect(abs(best - 0.6018570858783456) < 1e-9 && abs(best + worst - 1) < 1e-9)
            let standings = try await Self.get(bench, "/page/votes?sweep=t")
            #expect(standings["votes"] as? Int == 3)
            let ranking = try await Self.get(bench, "/page/ranking?sweep=t&metric=votes")
            #expect((ranking["rows"] as? [[String: Any]])?.first?["rank"] as? Int == 1)
            let same = try await Self.post(
                bench, "/page/vote", Self.ballot(one.job, one.job, "left"))
            #expect(same.status == 400)
            let audit = try await bench.query("SELECT count(*) FROM audit WHERE call = 'vote'")
            #expect(audit == [[.integer(3)]])
        }
    }

    @Test("the page is served with and without the path of a proxy, and its cookie is for that path")
    func basePath() async throws {
        var options = DaemonBench.Options()
        options.basePath = "/node/box/7070/"
        try await DaemonBench.with(options) { bench async throws in
            for prefix in ["", "/node/box/7070"] {
                #expect(try await bench.raw.request("GET", "\(prefix)/").status == 200)
                #expect(try await bench.raw.request("GET", "\(prefix)/assets/app.js").status == 200)
                #expect(try await bench.raw.request("GET", "\(prefix)/v1/sweeps").status == 200)
                #expect(try await RawHTTP(bench.url).request("GET", "\(prefix)/v1/sweeps").status == 401)
            }
            let bare = try await bench.raw.request("GET", "/node/box/7070")
            #expect(bare.status == 303 && bare.header("Location") == "/node/box/7070/")
            #expect(try await bench.raw.request("GET", "/node/other/7070/").status == 404)
            let link = try await bench.call(.openLink, Nothing()).path
            #expect(link.hasPrefix("/node/box/7070/open?code="))
            let welcome = try await bench.raw.request("GET", link)
            #expect(welcome.header("Set-Cookie")?.contains("; Path=/node/box/7070/;") == true)
        }
    }
}

/// Numbers that are the same in every run.
private struct CounterRandom {
    var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func unit() -> Double {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return Double(state >> 11) * 0x1p-53
    }
}
