import CoreData
import RunSpec
import SweepFile
import SweepModel

/// What a sweep's data hold and how long its runs are, for the person who plans or launches it.
struct DataSummary: Encodable, Equatable {
    struct Concept: Encodable, Equatable {
        let folder: String
        let trigger: String
        let className: String
        let images: Int
        let repeats: Int
        /// Not trained on; nil where nothing is held out.
        let heldOut: Int?
    }

    /// A length of a run that some configurations share.
    struct Run: Encodable, Equatable, Hashable {
        let batch: Int
        let epochs: Int
        /// nil where the base model's size decides, through its buckets.
        let stepsPerEpoch: Int?
        let checkpoints: Int
    }

    let data: String
    let concepts: [Concept]
    let validationImages: Int
    let regularisationImages: Int
    let samplesPerEpoch: Int
    /// In the order of the configurations; each once.
    let runs: [Run]

    init(_ inspection: DataInspection, _ sweep: SweepFile) {
        let check = inspection.data
        data = sweep.definition.data?.written ?? ""
        concepts = (check?.rows ?? []).map {
            Concept(
                folder: $0.folder, trigger: $0.trigger, className: $0.className, images: $0.images, repeats: $0.repeats,
                heldOut: $0.heldOut > 0 ? $0.heldOut : nil)
        }
        validationImages = check?.validationImages ?? 0
        regularisationImages = inspection.regData?.images ?? 0
        // Each visit of a training image has one of a regularisation image beside it.
        let factor = inspection.regData == nil ? 1 : 2
        samplesPerEpoch = (check?.samples ?? 0) * factor
        var runs: [Run] = []
        if let check, sweep.definition.trainer.isCore {
            for configuration in sweep.plan.configurations {
                let run = Self.run(configuration, check, samples: samplesPerEpoch, isMixed: factor > 1)
                if !runs.contains(run) { runs.append(run) }
            }
        }
        self.runs = runs
    }

    private static func run(
        _ configuration: PlannedConfiguration, _ check: DataCheck, samples: Int, isMixed: Bool
    ) -> Run {
        let parameters = configuration.parameters
        func whole(_ name: String, _ standard: Int) -> Int { max(1, parameters[name]?.integer ?? standard) }
        let batch = whole("batch", 1)
        let accumulation = whole("grad_accumulation", 1)
        var steps: Int? = ((samples + batch - 1) / batch + accumulation - 1) / accumulation
        if parameters["buckets"] == .flag(true) {
            steps = nil
            if !isMixed, let target = size(parameters["resolution"]) {
                steps = check.stepsPerEpoch(
                    batch: batch, accumulation: accumulation, buckets: BucketSizes(target: target, step: 64))
            }
        }
        return Run(
            batch: batch, epochs: whole("epochs", 1), stepsPerEpoch: steps, checkpoints: configuration.checkpointCount)
    }

    private static func size(_ value: ParameterValue?) -> PixelSize? {
        if let side = value?.integer { return PixelSize(width: side, height: side) }
        guard case .list(let sides) = value, sides.count == 2, let width = sides[0].integer,
            let height = sides[1].integer
        else { return nil }
        return PixelSize(width: width, height: height)
    }

    /// At most this many different lengths are told one by one.
    private static let mostRuns = 4

    var lines: [String] {
        guard !concepts.isEmpty else { return [] }
        var lines = ["data \(data): \(samplesPerEpoch) samples an epoch"]
        for concept in concepts {
            let trigger = concept.trigger.isEmpty ? "no trigger" : "trigger '\(concept.trigger)'"
            lines.append(
                "  \(concept.folder): \(trigger), class '\(concept.className)', \(concept.images) "
                    + "image\(concept.images == 1 ? "" : "s") × \(concept.repeats)"
                    + (concept.heldOut.map { ", \($0) held out" } ?? "")
            )
        }
        if validationImages > 0 { lines.append("  validation: \(validationImages) images, never trained on") }
        if regularisationImages > 0 { lines.append("  regularisation: \(regularisationImages) images") }
        for run in runs.prefix(Self.mostRuns) {
            let checkpoints = "\(run.checkpoints) checkpoint\(run.checkpoints == 1 ? "" : "s")"
            let length = run.stepsPerEpoch.map {
                "\($0) steps an epoch, \(run.epochs) epochs, \($0 * run.epochs) steps"
            }
            lines.append(
                "  batch \(run.batch): \(length ?? "\(run.epochs) epochs; the base's picture size decides the steps"), \(checkpoints)"
            )
        }
        if runs.count > Self.mostRuns { lines.append("  and \(runs.count - Self.mostRuns) other lengths of runs") }
        return lines
    }
}
