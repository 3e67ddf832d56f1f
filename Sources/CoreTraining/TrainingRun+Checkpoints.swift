import CoreAdapters
import CoreNets
import CoreTensor
import Foundation
import RunSpec

extension TrainingRun {
    /// Saves a checkpoint of the present step: always the state, the adapter only where one is listed.
    func save(adapter: Bool, isLast: Bool = false) throws -> SavedCheckpoint {
        try surroundings.times.within(.saving) { try saved(adapter: adapter, isLast: isLast) }
    }

    private func saved(adapter: Bool, isLast: Bool) throws -> SavedCheckpoint {
        // Metrics first: whoever sees a checkpoint may rely on the lines up to its step.
        try metrics.flush(sync: true)
        let name = AttemptFolder.checkpointName(step: step)
        let epoch = step / (total / job.training.data.epochs)
        try DurableFolder.publish(name, in: folder.checkpoints) { temporary in
            if adapter {
                try model.adapters.save(
                    to: "\(temporary)/\(AttemptFolder.adapterName)", metadata: adapterMetadata(epoch: epoch))
            }
            try state.write(to: temporary)
            try writeManifest(to: temporary, epoch: epoch, isLast: isLast || step == total)
        }
        lastState = surroundings.clock()
        try pruneStates()
        return SavedCheckpoint(
            name: name, folder: folder.checkpoint(name), step: step, epoch: epoch,
            final: isLast || step == total)
    }

    /// Whether the present step's checkpoint is the job's last already.
    func isLast(_ step: Int) -> Bool {
        let path = folder.checkpoint(AttemptFolder.checkpointName(step: step)) + "/" + AttemptFolder.manifestName
        guard let data = FileManager.default.contents(atPath: path) else { return false }
        // A manifest that cannot be read says nothing of that kind.
        return (try? JSONDecoder().decode(CheckpointManifest.self, from: data))?.final ?? false
    }

    /// Whether the present step's adapter is in the attempt folder already.
    func hasAdapter(_ step: Int) -> Bool { has(AttemptFolder.adapterName, step) }

    func hasState(_ step: Int) -> Bool { has(AttemptFolder.stateName, step) }

    private func has(_ file: String, _ step: Int) -> Bool {
        FileManager.default.fileExists(
            atPath: folder.checkpoint(AttemptFolder.checkpointName(step: step)) + "/" + file)
    }

    private var state: TrainingState {
        TrainingState(
            position: .init(
                job: job.job, training: job.training, step: step, stepsPerEpoch: total / job.training.data.epochs,
                compute: Compute.description(of: precision), inexact: inexact),
            tensors: model.adapters.exportState() + optimiser.exportState())
    }

    private func writeManifest(to temporary: String, epoch: Int, isLast: Bool) throws {
        let kinds: [(String, CheckpointManifest.Kind)] = [
            (AttemptFolder.adapterName, .adapter), (AttemptFolder.stateTensorsName, .state),
            (AttemptFolder.stateName, .state),
        ]
        let files = try kinds.compactMap { name, kind -> CheckpointManifest.File? in
            let path = "\(temporary)/\(name)"
            guard FileManager.default.fileExists(atPath: path) else { return nil }
            let size = try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int
            return CheckpointManifest.File(name: name, kind: kind, bytes: size ?? 0)
        }
        let manifest = CheckpointManifest(step: step, epoch: epoch, final: isLast, files: files)
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .prettyPrinted]
        try DurableFolder.write(try encoder.encode(manifest), to: "\(temporary)/\(AttemptFolder.manifestName)")
    }

    /// What other programs look for in an adapter file, in kohya's names, and where it came from.
    private func adapterMetadata(epoch: Int) -> [String: String] {
        let training = job.training
        var metadata = [
            "ss_learning_rate": "\(training.optimiser.learningRate)", "ss_seed": "\(training.seed)",
            "ss_epoch": "\(epoch)",
            "ss_steps": "\(step)", "ss_optimizer": training.optimiser.name, "radiata_job": job.job,
        ]
        if inexact { metadata["radiata_inexact"] = "true" }
        return metadata
    }

    /// Keeps the newest two states that have no adapter beside them; older ones serve nobody.
    private func pruneStates() throws {
        let plain = try FileManager.default.contentsOfDirectory(atPath: folder.checkpoints)
            .compactMap(AttemptFolder.step(ofCheckpoint:)).filter { $0 <= step && hasState($0) && !hasAdapter($0) }
            .sorted()
        for old in plain.dropLast(2) {
            try DurableFolder.remove(folder.checkpoint(AttemptFolder.checkpointName(step: old)))
        }
    }
}
