package import CoreTensor
import Foundation
package import RunSpec

/// Everything a run needs to go on as if it had never stopped: trained tensors and optimiser moments in f32,
/// and how far it came. Random numbers need no state: every stream is named by (seed, purpose, step, item).
package struct TrainingState {
    /// The part that is readable text, `state.json`.
    package struct Position: Codable, Equatable, Sendable {
        /// Grows when the files' meaning changes.
        package var version = 1
        /// The job that the state belongs to.
        package var job: String
        package var training: TrainingSpec
        /// Optimiser steps done.
        package var step: Int
        /// Steps of an epoch; with `step` the place in the epoch.
        package var stepsPerEpoch: Int
        package var compute: ComputeDescription
        /// Set once the run was continued under other kernels or another thread count: bits may differ from
        /// one that ran through.
        package var inexact: Bool
    }

    package var position: Position
    /// By name: the trained tensors, and `NAME.exp_avg`, `NAME.exp_avg_sq`.
    package var tensors: [(name: String, shape: [Int], floats: [Float])]

    /// Writes both files into a folder that exists.
    ///
    /// - Throws: `TensorError` or `TrainingError` if a file cannot be written.
    package func write(to folder: String) throws {
        var writer = SafetensorsWriter(metadata: ["format": "radiata-state", "step": String(position.step)])
        for (name, shape, floats) in tensors { writer.add(name, shape: shape, floats: floats, type: .f32) }
        try writer.write(to: "\(folder)/\(AttemptFolder.stateTensorsName)")
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
        try DurableFolder.write(try encoder.encode(position), to: "\(folder)/\(AttemptFolder.stateName)")
    }

    /// Reads `state.json` of a checkpoint folder.
    ///
    /// - Throws: `TrainingError` with `state` for a file that is missing, not readable or of another
    ///   version.
    package static func position(in folder: String) throws -> Position {
        let path = "\(folder)/\(AttemptFolder.stateName)"
        guard let bytes = FileManager.default.contents(atPath: path) else {
            throw TrainingError(
                code: .state,
                message: "\(path): not there or not readable; --resume wants a checkpoint folder with a training state")
        }
        let position: Position
        do {
            position = try JSONDecoder().decode(Position.self, from: bytes)
        } catch {
            throw TrainingError(
                code: .state, message: "\(path): not a training state (\(error)); use another checkpoint")
        }
        guard position.version == 1 else {
            throw TrainingError(
                code: .state,
                message: "\(path): state version \(position.version), wanted 1; resume with the program that wrote it")
        }
        return position
    }
}

extension TrainingState {
    /// A job that extends another begins with a state of that one, which was made for fewer epochs.
    ///
    /// - Throws: `TrainingError` with `state` if the state is another job's or of another length.
    static func check(_ state: Position, against job: TrainingJob, total: Int, folder: String) throws {
        let isInherited = job.origin.map { $0.job == state.job } ?? false
        guard state.job == job.job || isInherited else {
            throw TrainingError(
                code: .state,
                message: "\(folder): the state belongs to job \(state.job), this is \(job.job); resume its own job")
        }
        var training = job.training
        if isInherited, let origin = job.origin { training.data.epochs = origin.epochs }
        guard state.training == training else {
            throw TrainingError(
                code: .state,
                message: "\(folder): the state was made with other training parameters; start anew without --resume")
        }
        guard state.step <= total, state.stepsPerEpoch * job.training.data.epochs == total else {
            throw TrainingError(
                code: .state,
                message:
                    "\(folder): step \(state.step) of epochs of \(state.stepsPerEpoch) steps does not fit \(total) steps;"
                    + " the data set has changed: start anew without --resume")
        }
    }
}
