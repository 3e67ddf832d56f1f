import Foundation
import RunSpec
import SweepAnalysis
import SweepModel
import Testing

@Suite("Reports of edits")
struct EditReportTests {
    private struct Edit {
        var parameters: [String: ParameterValue]
        var kept: Double
        var strength: Double
        var spread: Double?
    }

    private func report(_ edits: [Edit], kept metric: String = "similarity_to_source") -> String {
        var jobs: [JobSummary] = []
        var results: [SweepResult] = []
        for (index, edit) in edits.enumerated() {
            let job = ReportSample.job(index, 1, edit.parameters)
            jobs.append(job)
            var values = [(metric, edit.kept), ("text_similarity", edit.strength), ("base_text_similarity", 0.125)]
            if let spread = edit.spread { values.append(("attention_spread", spread)) }
            for (metric, value) in values {
                results.append(
                    SweepResult(
                        job: job.id, checkpoint: "edit", epoch: 0, step: 0, class: "", prompts: "edit", metric: metric,
                        value: value, n: 4))
            }
        }
        return SweepReport(results: SweepResultSet(sweep: "edits", jobs: jobs, results: results)).html()
    }

    /// The lines below the figure, without their markup.
    private func lines(_ html: String) throws -> [String] {
        let section = try #require(html.components(separatedBy: "id=\"editing\"").dropFirst().first)
        let list = try #require(section.components(separatedBy: "<ul>").dropFirst().first)
        return list.components(separatedBy: "</ul>")[0].components(separatedBy: "<li>").dropFirst().map {
            $0.replacing("<strong>", with: "").replacing("</strong>", with: "").replacing("</li>", with: "")
                .split(separator: "\n").joined()
        }
    }

    private static func sdedit(_ strength: Double, _ kept: Double, _ came: Double) -> Edit {
        Edit(parameters: ["algorithm": "sdedit", "strength": .number(strength)], kept: kept, strength: came)
    }

    private static func space(_ variant: String, _ fine: Double, _ kept: Double, _ came: Double, _ spread: Double)
        -> Edit
    {
        Edit(
            parameters: ["algorithm": "fluxspace", "variant": .text(variant), "fine": .number(fine)], kept: kept,
            strength: came, spread: spread)
    }

    // The third keeps less than the second and edits less. The fifth is no better than the fourth, but keeps
    // more than the strongest.
    private static let edits = [
        sdedit(0.2, 0.9, 0.2), sdedit(0.5, 0.7, 0.4), sdedit(0.9, 0.5, 0.35),
        space("free", 0.5, 0.8, 0.3, 1.1), space("free", 0.2, 0.75, 0.2, 1.25), space("free", 3, 0.6, 0.31, 1.5),
        space("length-keeping", 5, 0.8, 0.3, 1.2801),
    ]

    @Test("each method, of FluxSpace each variant, has a curve with its collapse and what is past the window")
    func curves() throws {
        let html = report(Self.edits)
        let lines = try lines(html)
        #expect(lines.count == 3)
        #expect(lines[0].hasPrefix("fluxspace, free: strongest at") && lines[0].contains("0 of 3 collapsed; 1 past"))
        #expect(lines[1].hasPrefix("fluxspace, length-keeping: ") && lines[1].contains("0 of 1 collapsed; 1 past"))
        #expect(lines[2].hasPrefix("sdedit: strongest at") && lines[2].hasSuffix("1 of 3 collapsed"))
        #expect(lines[2].contains("0.4") && lines[2].contains("0.7"))
        #expect(html.contains("class=\"fallen\"") && html.contains("class=\"outside\""))
        #expect(html.contains("more than 1.28 times") && html.contains("A cross marks a collapse"))
        // The floor of the unedited pictures; no second figure of the same.
        #expect(html.contains("base model (floor) 0.125") && !html.contains("id=\"trade-off\""))
    }

    @Test("where less says that more was kept, the same edits collapse")
    func distances() throws {
        let turned = Self.edits.map { edit in
            var edit = edit
            edit.kept = 1 - edit.kept
            return edit
        }
        let lines = try lines(report(turned, kept: "lpips@lpips-abcdef"))
        #expect(lines[2].hasSuffix("1 of 3 collapsed") && lines[0].contains("0 of 3 collapsed"))
    }

    @Test("edits are ranked by what stayed and what came; a report of trainings has no such part")
    func ranked() {
        let jobs = [ReportSample.job(0, 1, ["algorithm": "sdedit"])]
        let results = ["similarity_to_source", "text_similarity", "psnr", "saturation"].map { metric in
            SweepResult(
                job: jobs[0].id, checkpoint: "edit", epoch: 0, step: 0, class: "", prompts: "edit", metric: metric,
                value: 0.5, n: 4)
        }
        let rule = SweepResultSet(sweep: "edits", jobs: jobs, results: results).standardRule()
        #expect(rule.criteria.map(\.name) == ["text_similarity@edit", "similarity_to_source@edit"])
        var sample = ReportSample()
        #expect(!SweepReport(results: sample.evaluated()).html().contains("id=\"editing\""))
    }

    @Test("no second judgement is promised of edits")
    func judgement() {
        var jobs: [JobSummary] = []
        var results: [SweepResult] = []
        for (index, strength) in [0.2, 0.5].enumerated() {
            for seed in 1...3 {
                let job = ReportSample.job(index, seed, ["algorithm": "sdedit", "strength": .number(strength)])
                jobs.append(job)
                let luck = 0.01 * Double(seed)
                for (metric, value) in [("similarity_to_source", 0.9 - strength), ("text_similarity", strength)] {
                    results.append(
                        SweepResult(
                            job: job.id, checkpoint: "edit", epoch: 0, step: 0, class: "", prompts: "edit",
                            metric: metric, value: value + luck, n: 4))
                }
            }
        }
        let words = SweepResultSet(sweep: "edits", jobs: jobs, results: results).answer().words
        #expect(words.contains { $0.hasPrefix("Edits are not judged once more") })
        #expect(!words.contains { $0.contains("the coordinator does that") })
    }
}
