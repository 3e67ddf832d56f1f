import RunSpec
import SweepFile
import SweepModel
import Testing

@Suite("Metrics that a sweep file declares")
struct MetricDeclarationTests {
    private static func file(_ metrics: String) -> String {
        """
        name: t
        trainer: { command: [train, "{lr}"] }
        metrics:
        \(metrics)
        groups: [ { list: [ { lr: 1 } ] } ]
        """
    }

    @Test("all keys and the short form, in the file's order")
    func forms() throws {
        let text = Self.file(
            """
              val_loss: { better: lower, unit: nats, title: validation loss, weight: 2 }
              paired_fidelity: { prompts: holdout, weight: 0.5 }
              fps: higher
              plain: {}
            """.replacing("holdout", with: "train"))
        #expect(
            try read(text).definition.metrics == [
                MetricDeclaration(
                    name: "val_loss", better: .lower, unit: "nats", title: "validation loss", prompts: nil, weight: 2),
                MetricDeclaration(name: "paired_fidelity", prompts: "train", weight: 0.5),
                MetricDeclaration(name: "fps", better: .higher), MetricDeclaration(name: "plain"),
            ])
    }

    @Test("they decide no job")
    func identity() throws {
        let plain = try read(Self.file("  a: lower")).plan
        let other = try read(Self.file("  b: { better: higher, weight: 3 }")).plan
        #expect(plain.jobs.map(\.id) == other.jobs.map(\.id) && !plain.jobs.isEmpty)
    }

    @Test(
        "faults name the key and what is accepted",
        arguments: [
            ("  val_loss: smaller", "metrics.val_loss is 'smaller'"),
            ("  val_loss: { beter: lower }", "did you mean 'better'?"),
            ("  val_loss: { weight: 0 }", "metrics.val_loss.weight is 0"),
            ("  val_loss: { weight: -1 }", "wanted a number of at least 0"),
            ("  val_loss: { prompts: trian }", "metrics.val_loss.prompts is 'trian'"),
            ("  - { jsonl: x }", "metrics is a list"),
        ])
    func faults(metrics: String, wanted: String) {
        do throws(SweepFileError) {
            _ = try read(Self.file(metrics))
            Issue.record("accepted: \(metrics)")
        } catch {
            #expect(error.description.contains(wanted), "\(error)")
        }
    }
}
