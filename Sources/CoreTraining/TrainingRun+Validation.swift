import CoreAdapters
import CoreData
import CoreDiffusion
import CoreTensor
import RunSpec

extension TrainingRun {
    private static let validationShares = [0.1, 0.3, 0.5, 0.7, 0.9]

    /// Mean squared error on held-out images (the first training images where none are held out) at fixed
    /// timesteps and noise.
    ///
    /// The training loss jumps with the timesteps drawn; this one can be compared between checkpoints and
    /// jobs.
    func validationLoss() -> Double { surroundings.times.within(.validating, meanLoss) }

    private func meanLoss() -> Double {
        let items = material.validation
        return withoutGradients {
            model.adapters.isTraining = false
            defer { model.adapters.isTraining = true }
            var sum = 0.0
            for share in Self.validationShares {
                let timestep = Int(share * Double(objective.timestepCount))
                // One size at a time.
                for part in material.batches(of: items, size: job.training.data.batch) {
                    let batch = objective.fixed(
                        latents: material.latents(of: part, training: job.training), timestep: timestep, items: part)
                    let condition = material.condition(of: part, model: model, training: job.training)
                    let error = meanSquaredError(model.predict(batch, condition), batch.target)
                    sum += Double(error.item()) * Double(part.count)
                }
            }
            return sum / Double(items.count * Self.validationShares.count)
        }
    }
}
