import CoreData
import CoreDiffusion
import CoreNets
import CoreTensor
import Foundation
import ImageFiles

/// `radiata pretrain`: makes the embedded base model from an installed emoji font.
///
/// Stages: `vae` (autoencoder), `clip` (the encoders), `unet` (U-Net and text encoder together), or in its
/// place `flow` (a rectified flow's transformer with its text encoders, beside the parts of a base that is
/// there), `check` (the thresholds).
///
/// Each continues from its state in `work`, so the command can be stopped and started at will. With
/// `start` a base that is there is trained further: stages that are not asked for keep its parts as they are.
package struct Pretrain {
    package enum Stage: String, CaseIterable, Sendable {
        case vae, clip, unet, flow, check

        /// Of a base with a U-Net.
        package static let usual: [Self] = [.vae, .clip, .unet, .check]
    }

    package var settings = PretrainSettings()
    /// The base model's folder, in diffusers' layout; written anew whenever a state is saved.
    package var out: String
    /// States, sample sheets and the list of exclusions.
    package var work: String
    /// A base made before: its tokenizer and its parts are what is begun with, where `work` has no state yet.
    package var start: String?
    /// Concepts that must stay unknown to the generator.
    package var conceptData = "data/concepts"
    package var font = EmojiFont.defaultPath
    package var names = UnicodeNames.defaultPath
    package var stages = Set(Stage.usual)
    package var saveEvery = 250
    package var threads = 1
    /// Go into the recipe as they are.
    package var notes: [String] = []

    package init(out: String, work: String) {
        self.out = out
        self.work = work
    }

    /// - Parameters:
    ///   - seconds: a clock, for the speed in progress lines.
    ///   - progress: gets one line at a time.
    /// - Throws: `PretrainError` for a state that does not fit the settings; the readers' and writers' own
    ///   errors.
    /// - Returns: the thresholds, if `check` was among the stages.
    @discardableResult
    package func run(
        seconds: @escaping () -> Double, progress: @escaping (String) -> Void
    ) throws -> [PretrainThresholds.Threshold] {
        Compute.configure(threads: threads)
        try FileManager.default.createDirectory(atPath: work, withIntermediateDirectories: true)
        var options = self
        let recipe = out + "/recipe.json"
        if settings.flow == nil, stages.isDisjoint(with: [.unet, .flow]), FileManager.default.fileExists(atPath: recipe)
        {
            options.settings.flow = try PretrainRecipe(path: recipe).settings.flow
        }
        let session = try PretrainSession(options, seconds: seconds, progress: progress)
        if stages.contains(.vae) { try session.trainAutoencoder() }
        if stages.contains(.clip) { try session.trainEncoders() }
        if stages.contains(.unet) { try session.trainDenoiser() }
        if stages.contains(.flow) { try session.trainFlow() }
        return stages.contains(.check) ? try session.check() : []
    }
}
