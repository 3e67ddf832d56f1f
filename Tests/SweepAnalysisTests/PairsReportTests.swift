import Foundation
import RunSpec
import SweepAnalysis
import SweepModel
import Testing

@Suite("Edits in the report")
struct PairsReportTests {
    /// Two configurations of two seeds, four images of held-out pairs each, in two classes.
    private func results() -> SweepResultSet {
        var jobs: [JobSummary] = []
        var results: [SweepResult] = []
        func add(_ job: JobSummary, _ metric: String, _ values: [[Double]]) {
            func row(_ name: String, _ value: Double, _ values: [Double]?) -> SweepResult {
                SweepResult(
                    job: job.id, checkpoint: "step-10", epoch: 1, step: 10, class: name, prompts: "holdout",
                    metric: metric, value: value, n: 2, values: values)
            }
            for (name, own) in zip(["background", "recolour"], values) {
                results.append(row(name, own.reduce(0, +) / Double(own.count), own))
            }
            let all = values.flatMap(\.self)
            results.append(row("", all.reduce(0, +) / Double(all.count), nil))
        }
        for (configuration, algorithm) in ["lora", "full"].enumerated() {
            for seed in 1...2 {
                let job = ReportSample.job(configuration, seed, ["algorithm": .text(algorithm)])
                jobs.append(job)
                let shift = Double(2 * (seed - 1) - 8 * configuration)
                add(job, "edit_psnr_gain", [[1 + shift, 2 + shift], [3 + shift, 4 + shift]])
                add(job, "edit_psnr_inside", [[11 + shift, 12 + shift], [13 + shift, 14 + shift]])
                add(job, "source_edit_psnr_inside", [[10, 10], [10, 10.5]])
                add(job, "bound_edit_psnr_inside", [[31, 31], [31, 31]])
                add(job, "base_edit_psnr_inside", [[7, 7], [7, 7]])
            }
        }
        var set = SweepResultSet(sweep: "edits", jobs: jobs, results: results)
        set.curves["memory_mb"] = jobs.flatMap { job in
            [CurveValue(job: job.id, step: 5, value: 300), CurveValue(job: job.id, step: 10, value: 412)]
        }
        return set
    }

    @Test("gains come first, references are no measures, and a sweep without pairs has none")
    func metrics() {
        #expect(SweepReport.pairMetrics(of: results()) == ["edit_psnr_gain", "edit_psnr_inside"])
        #expect(SweepReport.pairMetrics(of: SweepResultSet(sweep: "a", jobs: [], results: [])).isEmpty)
        #expect(MetricInfo.isReference("source_edit_psnr_inside") && !MetricInfo.isReference("source_loss"))
        #expect(MetricInfo.of("source_edit_psnr_inside").title == "PSNR inside, unedited source")
        #expect(MetricInfo.of("edit_failure").lowerIsBetter && MetricInfo.of("edit_lpips_inside@alex").lowerIsBetter)
    }

    @Test("means over pairs with Student's interval, the three references, time and memory")
    func table() throws {
        let set = results()
        let attempts = set.jobs.map { job in
            SweepReport.AttemptTime(
                job: job.id, number: 1, started: 0, ended: 95_000, outcome: "done", resumedStep: 0)
        }
        let html = SweepReport(results: set, attempts: attempts).html()
        let parts = html.components(separatedBy: "id=\"pairs\"")
        let section = try #require(parts.last?.components(separatedBy: "</section>").first)
        #expect(parts.count == 2)
        // LoRA's pairs are 2, 3, 4, 5 over both seeds: deviation 1.29099; t of 3 degrees at 0.95 is 2.35336.
        #expect(section.contains("3.50<small> ± 1.5</small>"), "\(section)")
        // Native training: −6, −5, −4, −3.
        #expect(section.contains("−4.50<small> ± 1.5</small>"))
        for text in ["unedited source", "10.1", "autoencoder's round trip", "31.0", "untuned model", "7.00"] {
            #expect(section.contains(text), "\(text)")
        }
        #expect(section.contains("1 min 35 s") && section.contains("412 MB") && section.contains("4 × 2"))
        // Each class by itself: LoRA's 2, 3 of the background.
        #expect(section.contains("Gain of each edit") && section.contains("<td>2.50<small> ± "))
        let plain = SweepReport(results: SweepResultSet(sweep: "a", jobs: set.jobs, results: [])).html()
        #expect(!plain.contains("id=\"pairs\""))
    }
}
