import CoreAdapters
import CoreDiffusion

/// The adapters of a sampling run: makes the networks those of each step.
final class ActingAdapters {
    private let schedules: [ScheduledAdapter]
    /// Each file once, however many parts it acts in.
    private let files: [(path: String, set: AdapterSet)]
    /// Of the files, as the networks are now; nil before the first step.
    private var strengths: [Double]?

    /// - Throws: `AdapterError` for an adapter that does not fit.
    init(_ schedules: [ScheduledAdapter], _ pipeline: DiffusionPipeline, report: (String) -> Void) throws {
        self.schedules = schedules
        var files: [(path: String, set: AdapterSet)] = []
        for path in schedules.map(\.path) where !files.contains(where: { $0.path == path }) {
            let set = try AdapterSet.load(
                path, unet: pipeline.unet, textEncoder: pipeline.textEncoder,
                secondTextEncoder: pipeline.textEncoder2)
            for warning in set.warnings { report("warning: \(warning)") }
            files.append((path, set))
        }
        self.files = files
    }

    /// - Parameter share: of the steps before this one.
    /// - Returns: whether the networks are others now.
    func prepare(share: Double) -> Bool {
        let wanted = files.map { file in
            schedules.filter { $0.path == file.path }.reduce(0) { $0 + $1.strength(at: share) }
        }
        guard wanted != strengths else { return false }
        strengths = wanted
        for file in files {
            file.set.detach()
            // Weights that were kept for another strength are let go.
            file.set.isTraining = true
            file.set.isTraining = false
        }
        let acting = zip(files, wanted).filter { $0.1 != 0 }.map { (set: $0.0.set, strength: Float($0.1)) }
        if !acting.isEmpty { AdapterSet.attach(acting) }
        return true
    }
}
