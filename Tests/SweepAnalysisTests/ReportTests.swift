import Foundation
import ImageFiles
import RunSpec
import SweepAnalysis
import SweepModel
import Testing

/// Reports of sample sweeps.
enum SampleReports {
    private static func pictures(_ results: SweepResultSet, sheets: Bool, most: Int) throws -> [ReportPicture] {
        var sample = ReportSample(seed: 5)
        let files = try (0..<4).map { try PNGFile.encode(sample.picture(shade: 40 + 50 * $0)) }
        var wanted: [(job: String, step: Int)] = []
        for job in results.jobs {
            let steps =
                sheets ? Set(results.results.filter { $0.job == job.id }.map(\.step)).sorted() : [250, 500, 1000]
            wanted += steps.map { (job.id, $0) }
        }
        let budget = PictureBudget(count: min(most, wanted.count))
        let thumbnails = try files.map {
            try Thumbnail(of: $0, name: "sample", side: budget.side, limit: budget.limit)
        }
        return wanted.prefix(most).enumerated().map { index, place in
            let name = String(format: "step-%06d", place.step)
            return ReportPicture(
                job: place.job, kind: sheets ? .contactSheet : .sample, checkpoint: sheets ? name : "",
                name: sheets ? "" : "sample-\(place.step).png", step: place.step, thumbnail: thumbnails[index % 4],
                original: index % 2 == 0 ? "http://127.0.0.1:7070/v1/blobs/\(index)" : nil)
        }
    }

    static func evaluated() throws -> SweepReport {
        var sample = ReportSample()
        let results = sample.evaluated()
        return SweepReport(
            results: results, pictures: try pictures(results, sheets: true, most: 234),
            attempts: ReportSample.attempts(results.jobs),
            queries: [SweepReport.Query(title: "Best & worst", sql: "SELECT * FROM results WHERE value < 1")],
            facts: [("coordinator", "http://127.0.0.1:7070")])
    }

    static func external() throws -> SweepReport {
        var sample = ReportSample(seed: 3)
        let results = sample.external()
        return SweepReport(
            results: results, pictures: try pictures(results, sheets: false, most: 36),
            attempts: ReportSample.attempts(results.jobs))
    }

    static func oneSeed() throws -> SweepReport {
        var sample = ReportSample(seed: 4)
        let results = sample.evaluated(configurations: 8, seeds: 1)
        return SweepReport(
            results: results, pictures: try pictures(results, sheets: true, most: 40))
    }
}

@Suite("Report")
struct ReportTests {
    private func page(_ report: SweepReport, _ name: String) throws -> String {
        let html = report.html()
        if let folder = ProcessInfo.processInfo.environment["RADIATA_REPORT_SAMPLE"] {
            try html.write(toFile: "\(folder)/\(name).html", atomically: true, encoding: .utf8)
        }
        return html
    }

    /// Places of the sections that are there, which must be in this order.
    private func sections(_ html: String) -> [String] {
        html.components(separatedBy: "<section class=\"card").dropFirst().compactMap {
            $0.components(separatedBy: "id=\"").dropFirst().first?.components(separatedBy: "\"").first
        }
    }

    @Test("the page has every part in its order, needs nothing from elsewhere, and escapes what it is given")
    func evaluated() throws {
        let html = try page(try SampleReports.evaluated(), "evaluated")
        #expect(
            sections(html) == [
                "answer", "leaderboard", "warnings", "curves", "trade-off", "importance", "paper", "parameters",
                "parallel", "ranks", "pictures", "difference", "costs", "unfinished", "queries",
            ])
        #expect(html.contains("emoji-cats &lt;first try&gt;") && !html.contains("<first"))
        #expect(html.contains("value &lt; 1"))
        #expect(html.contains("base model (floor)") && html.contains("attainable bound") && !html.contains("ceiling"))
        #expect(html.contains("the loss went to NaN at step 40"))
        #expect(!html.contains("src=\"/") && !html.contains("src=\"http") && !html.contains("@import"))
        #expect(!html.contains("url(") && !html.contains("<link"))
        #expect(html.utf8.count < 15_000_000, "\(html.utf8.count) bytes")
    }

    @Test("a sweep of an external trainer has leaderboard, curves, samples and costs by its curves alone")
    func external() throws {
        let html = try page(try SampleReports.external(), "external")
        let there = sections(html)
        for part in ["answer", "leaderboard", "curves", "parameters", "parallel", "pictures", "difference", "costs"] {
            #expect(there.contains(part), "\(part)")
        }
        #expect(html.contains("val loss") && html.contains("<h2>Samples</h2>") && html.contains("lower is better"))
    }

    @Test("with one seed no one is called best: no ring, no tie, no interval")
    func oneSeed() throws {
        let html = try page(try SampleReports.oneSeed(), "one-seed")
        #expect(html.contains("Ranking not established") && !html.contains("Best configuration"))
        #expect(!html.contains("class=\"ring\"") && !html.contains("class=\"tied\"") && !html.contains(" ± "))
        #expect(!html.contains("not separable from"))
    }

    @Test("the ring is around what the words call best, on every figure that has one")
    func ring() throws {
        let report = try SampleReports.evaluated()
        let best = try #require(report.answer.best)
        let html = report.html()
        #expect(report.answer.words[0].contains(best.label))
        let rings = html.components(separatedBy: "class=\"ring\"").dropFirst()
        let titled = rings.compactMap { part -> String? in
            let element = part.components(separatedBy: "/circle>").first ?? ""
            return element.components(separatedBy: "<title>").dropFirst().first?.components(separatedBy: "</title>")
                .first
        }.filter { $0.count < 200 }
        #expect(titled.contains { $0.contains(best.label) })
        let others = report.answer.rows.dropFirst().map(\.label)
        for text in titled { #expect(!others.contains { text.hasPrefix($0 + ",") }, "\(text)") }
    }

    @Test("a name that ends a script stays text, in the page and in the data of the comparison")
    func hostile() throws {
        let name = "</script><img src=x onerror=alert(1)>"
        let jobs = (0..<2).map { ReportSample.job($0, 1, ["algorithm": .text(name), "lr": .number(Double($0))]) }
        let html = SweepReport(results: SweepResultSet(sweep: name, jobs: jobs, results: [])).html()
        #expect(!html.contains("<img src=x"))
        #expect(html.components(separatedBy: "</script>").count == 3)
        let json = html.components(separatedBy: "id=\"configurations\">")[1].components(separatedBy: "</script>")[0]
        let read = try JSONSerialization.jsonObject(with: Data(json.utf8)) as? [[String: Any]]
        #expect((read?.first?["parameters"] as? [String: String])?["algorithm"] == name)
    }

    @Test("a report without results is still a page")
    func empty() {
        let html = SweepReport(results: SweepResultSet(sweep: "none", jobs: [], results: [])).html()
        #expect(html.contains("Nothing has been measured yet") && html.hasSuffix("</html>\n"))
        #expect(sections(html) == ["answer"])
    }

    @Test("234 sheets fit into 15 MB, whatever is on them")
    func budget() throws {
        let budget = PictureBudget(count: 234)
        var sample = ReportSample(seed: 9)
        var noisy = RGBImage(width: 900, height: 700)
        for index in noisy.pixels.indices { noisy.pixels[index] = UInt8(max(0, min(255, 128 + 60 * sample.noise()))) }
        let worst = try Thumbnail(of: try PNGFile.encode(noisy), name: "noise", side: budget.side, limit: budget.limit)
        #expect(worst.bytes.count <= budget.limit && worst.width > 48)
        // Four bytes of three, three megabytes for everything else.
        #expect((budget.limit * 234 + 2 * PictureBudget.best) / 3 * 4 < 12_000_000)
        #expect(PictureBudget(count: 100_000).count == PictureBudget.mostPictures)
        let small = try Thumbnail(
            of: try PNGFile.encode(RGBImage(width: 30, height: 20)), name: "small", side: 640, limit: 9000)
        #expect(small.width == 30 && small.height == 20)
    }

    @Test("50,000 results make a page within ten seconds, and within its size")
    func large() throws {
        var sample = ReportSample(seed: 8)
        let results = sample.evaluated(configurations: 170, seeds: 3, checkpoints: 7)
        try #require(results.results.count >= 49_000)
        let begin = Self.threadSeconds()
        let answer = results.answer()
        let start = Self.threadSeconds()
        let html = SweepReport(results: results, answer: answer, attempts: ReportSample.attempts(results.jobs)).html()
        let took = Self.threadSeconds() - start
        if let folder = ProcessInfo.processInfo.environment["RADIATA_REPORT_SAMPLE"] {
            print("50,000 results: answer \(start - begin) s, page \(took) s, \(html.utf8.count) bytes")
            try html.write(toFile: "\(folder)/large.html", atomically: true, encoding: .utf8)
        }
        #expect(took < 10 && html.utf8.count < 5_000_000)
    }

    /// What this thread computed: a page is made on one, and other tests run beside it.
    private static func threadSeconds() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }

    @Test(
        "steps are read from the names that trainers give",
        arguments: [
            ("step-000400", 400), ("val-000200.png", 200), ("sample.png", nil), ("", nil), ("e000010_x", nil),
        ] as [(String, Int?)])
    func steps(name: String, step: Int?) { #expect(ReportPicture.step(in: name) == step) }
}
