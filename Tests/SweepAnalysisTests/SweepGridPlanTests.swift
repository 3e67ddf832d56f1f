import RunSpec
import SweepAnalysis
import SweepModel
import Testing

@Suite("Cells of a sweep's grid")
struct SweepGridPlanTests {
    private typealias Item = SweepGridPlan.Item<String>

    private static func job(
        _ id: String, _ parameters: [String: ParameterValue], seed: Int = 1, state: String = "done"
    ) -> JobSummary {
        JobSummary(
            id: id, sweep: "s", group: "g", configuration: id, state: state, seed: seed, attempts: 1, worker: nil,
            failure: nil, message: nil, parameters: parameters, created: 0, updated: 0)
    }

    private static let jobs = [
        job("a1", ["lr": 1e-4, "dim": 4]), job("a2", ["lr": 1e-4, "dim": 4], seed: 2),
        job("b1", ["lr": 1e-3, "dim": 4]), job("c1", ["lr": 1e-4, "dim": 8], state: "failed"),
        job("d1", ["lr": 1e-3, "dim": 8, "note": "x"]),
    ]

    private static let items: [String: [Item]] = [
        "a1": [at("a1", 1, 10), at("a1", 2, 20)], "a2": [at("a2", 1, 10), at("a2", 2, 20), at("a2", 3, 30)],
        "b1": [at("b1", 1, 10)], "d1": [at("d1", 1, 10, "0"), at("d1", 1, 10, "1"), at("d1", 2, 20, "0")],
    ]

    private static func at(_ job: String, _ epoch: Int, _ step: Int, _ series: String = "") -> Item {
        Item(job: job, epoch: epoch, step: step, series: series, content: "\(job)-\(step)\(series)")
    }

    private func shown(_ values: [ImageGridAxis.Kind: String], _ plan: SweepGridPlan) -> String {
        switch plan.item(at: values, of: Self.items) {
        case .success(let item): item.content
        case .failure(let missing): missing.reason
        }
    }

    @Test("show the newest of the first seed, and say why there is none")
    func cells() throws {
        let plan = try SweepGridPlan(jobs: Self.jobs)
        let (lr, dim) = (ImageGridAxis.Kind.parameter("lr"), ImageGridAxis.Kind.parameter("dim"))
        #expect(shown([lr: "0.0001", dim: "4"], plan) == "a1-20")
        #expect(shown([lr: "0.001", dim: "4"], plan) == "b1-10")
        #expect(shown([lr: "0.0001", dim: "8"], plan) == "job c1 is failed")
        #expect(shown([lr: "0.001", dim: "8"], plan) == "d1-200")
        #expect(shown([lr: "0.001", dim: "8", .step: "10"], plan) == "d1-100")
        #expect(shown([lr: "0.001", dim: "8", .step: "10", .prompt: "1"], plan) == "d1-101")
        #expect(shown([lr: "0.001", .epoch: "7"], plan) == "job b1 has none there")
        #expect(shown([lr: "5"], plan) == "no job has these values")
        // The first seed has no epoch 3, the second has.
        #expect(shown([lr: "0.0001", dim: "4", .epoch: "3"], plan) == "a2-30")
        #expect(shown([.parameter("training_seed"): "2"], plan) == "a2-30")
        #expect(shown([.adapter: "lr 0.001 · dim 4 · seed 1"], plan) == "b1-10")
    }

    @Test("axes have the values that occur; parameters that no axis shows are named")
    func axes() throws {
        let plan = try SweepGridPlan(jobs: Self.jobs)
        #expect(SweepGridPlan.parameterNames(Self.jobs) == ["dim", "lr", "note", "training_seed"])
        #expect(try plan.values(of: ImageGridAxis("lr", parameters: ["lr"])) == ["0.0001", "0.001"])
        #expect(try plan.values(of: ImageGridAxis("training_seed", parameters: ["training_seed"])) == ["1", "2"])
        #expect(plan.unshown(axes: [.parameter("lr")]).contains("dim"))
        #expect(plan.unshown(axes: [.parameter("lr"), .parameter("dim")]) == ["training_seed"])
        #expect(plan.unshown(axes: [.adapter]).isEmpty)
        let filter = try ImageGridAxis("dim=4", parameters: ["dim"])
        let filtered = try SweepGridPlan(
            jobs: Self.jobs, where: [filter, ImageGridAxis("training_seed=1", parameters: ["training_seed"])])
        #expect(filtered.jobs.map(\.id) == ["a1", "b1"])
        #expect(filtered.unshown(axes: [.parameter("lr")]).isEmpty)
        #expect(throws: RunSpecError.self) {
            try SweepGridPlan(jobs: Self.jobs, where: [ImageGridAxis("dim=5", parameters: ["dim"])])
        }
    }
}
