import CoreData
import Foundation

/// `recipe.json` of the embedded base model: what it was made of and with, how it fared, and how to draw with
/// it.
package struct PretrainRecipe: Codable, Equatable, Sendable {
    package struct Sampling: Codable, Equatable, Sendable {
        package var sampler: String
        package var steps: Int
        package var guidance: Double
    }

    package struct HeldOut: Codable, Equatable, Sendable {
        package var name: String
        package var codePoints: [String]
        package var phrases: [String]
    }

    package var settings: PretrainSettings
    /// Defaults for whoever draws with this base.
    package var sampling: Sampling
    /// File name of the font and number of pictures.
    package var source: String
    package var trainingImages: Int
    package var heldOut: [HeldOut]
    /// Code points left out because the encoders find them too near to a held-out picture.
    package var heldOutBySimilarity: [String]
    /// Steps done and the last mean loss of each stage.
    package var stages: [String: StageResult]
    package var thresholds: [PretrainThresholds.Threshold]
    /// How well names are drawn; absent before the thresholds have run.
    package var names: [PretrainNames.Score]?
    /// What the settings do not say, such as a setting that was changed on the way.
    package var notes: [String]

    private enum CodingKeys: String, CodingKey {
        case settings, sampling, source, trainingImages, heldOut, heldOutBySimilarity, stages
        // The file's older word.
        case thresholds = "gates"
        case names, notes
    }

    package struct StageResult: Codable, Equatable, Sendable {
        package var steps: Int
        package var loss: Double
    }

    /// Writes the recipe beside the base model.
    ///
    /// - Throws: Foundation's error if the file cannot be written.
    package func write(to path: String) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        try encoder.encode(self).write(to: URL(fileURLWithPath: path), options: .atomic)
    }
}

extension PretrainRecipe {
    /// - Throws: Foundation's error for a file that is missing or no recipe.
    package init(path: String) throws {
        self = try JSONDecoder().decode(Self.self, from: Data(contentsOf: URL(fileURLWithPath: path)))
    }
}
