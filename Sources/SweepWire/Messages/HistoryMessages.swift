package import Foundation
package import SweepModel

/// What the ledger knows that bears on a sweep about to be launched: whether it is there already, and how
/// long runs like its own took.
package struct HistoryRequest: Equatable, WireRequest {
    package var sweep: String
    /// `LaunchBundle.identity` of the launch.
    package var launch: String
    /// Digests of base model and data set; empty for none.
    package var base: String
    package var data: String
    /// `TrainerSpec.paceIdentity`.
    package var trainer: String
    /// Digests of inputs: which workers have had them is asked too.
    package var inputs: [String]

    package init(
        sweep: String, launch: String, base: String, data: String, trainer: String, inputs: [String] = []
    ) {
        self.inputs = inputs
        self.sweep = sweep
        self.launch = launch
        self.base = base
        self.data = data
        self.trainer = trainer
    }

    package var parameters: [String: String] {
        let all = ["sweep": sweep, "launch": launch, "base": base, "data": data, "trainer": trainer]
        return inputs.isEmpty ? all : all.merging(["inputs": inputs.joined(separator: ",")]) { own, _ in own }
    }
    package func body() throws -> Data { Data() }
    package init(parameters: [String: String], body: Data) throws {
        sweep = try parameters.required("sweep")
        launch = try parameters.required("launch")
        trainer = try parameters.required("trainer")
        base = parameters["base"] ?? ""
        data = parameters["data"] ?? ""
        inputs = (parameters["inputs"] ?? "").split(separator: ",").map(String.init)
    }
}

package struct SweepHistory: Codable, Equatable, Sendable, WireResponse {
    /// Jobs of the sweep of this name; absent if there is none.
    package var jobs: Int?
    /// Whether this very file, with its profiles, templates and inputs, was launched under the name before.
    package var isRepeat: Bool
    /// Finished jobs with the same trainer and base.
    package var earlier: EarlierRuns?
    /// Of the workers that can take jobs now.
    package var slots: Int
    /// What an hour of one of these slots costs, on average over those that say; nil where none does.
    package var slotPrice: Double?
    /// Workers that can take jobs now; nil from a coordinator of before.
    package var workers: Int?
    /// How many of these have worked with each of the inputs asked for, by its digest.
    package var holders: [String: Int]?

    package init(
        jobs: Int?, isRepeat: Bool, earlier: EarlierRuns?, slots: Int, slotPrice: Double? = nil, workers: Int? = nil,
        holders: [String: Int]? = nil
    ) {
        self.workers = workers
        self.holders = holders
        self.jobs = jobs
        self.isRepeat = isRepeat
        self.earlier = earlier
        self.slots = slots
        self.slotPrice = slotPrice
    }
}

extension HistoryRequest {
    package static var content: WireContent { .none }
    package static var parameterList: [WireParameter] {
        [
            WireParameter("sweep", .text(least: 1)), WireParameter("launch", .text(least: 1)),
            WireParameter("trainer", .text(least: 1)), WireParameter("base", .text, required: false),
            WireParameter("data", .text, required: false),
            WireParameter("inputs", .text, required: false),
        ]
    }
}

extension SweepHistory {
    package static var content: WireContent {
        let earlier = WireSchema.object(
            ["runs": .integer(1), "secondsPerJob": .number, "isSameData": .flag],
            optional: [
                "secondsPerEpoch": .number, "bytesPerJob": .number, "deviation": .number,
                "unit": .one(of: TrainingLength.Unit.allCases.map(\.rawValue)),
            ])
        return .json(
            .object(
                ["isRepeat": .flag, "slots": .integer(0)],
                optional: [
                    "jobs": .integer(0), "earlier": earlier, "slotPrice": .number, "workers": .integer(0),
                    "holders": .map(.integer(0)),
                ]))
    }
}
