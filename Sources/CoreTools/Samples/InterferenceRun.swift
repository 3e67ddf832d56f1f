package import CoreAdapters
import CoreEvaluation
import Foundation
import ImageFiles
import RunSpec

/// `radiata interference`: what is left of each of two adapters' effect when both act, over a grid of
/// strengths and rules, beside the cosines of their weights.
package struct InterferenceRun {
    /// Base, sampler, steps, guidance, and where drawn images are kept.
    package var settings: GridDrawing.Settings
    /// Two, each with the strength that 1 stands for.
    package var adapters: [(path: String, strength: Double)]
    /// What each adapter's effect is looked at with.
    package var prompts: [String]
    package var negative = ""
    /// One image of each prompt for each.
    package var seeds: [UInt64] = [0]
    /// Factors of the adapters' strengths, 0 among them.
    package var strengths: [Double] = [0, 0.5, 1]
    package var rules: [CombinationRule] = [CombinationRule()]
    package var setup = GridImage.Setup()
    /// A folder for the table, the picture and the adapters that a rule made.
    package var out: String
    /// Of the picture's cells.
    package var side = 128

    package init(
        settings: GridDrawing.Settings, adapters: [(path: String, strength: Double)], prompts: [String], out: String
    ) {
        self.settings = settings
        self.adapters = adapters
        self.prompts = prompts
        self.out = out
    }

    package struct Report: Codable, Sendable {
        package struct Cell: Codable, Sendable {
            package let rule: String
            /// Factors of both strengths.
            package let strengths: [Double]
            /// Of each adapter's effect on its prompt, how much is there with both: ⟨d, e⟩ / ⟨e, e⟩, where e
            /// is how its images alone differ from the base's, and d how those with both do. 1 alone; nil
            /// where it has no effect.
            package let kept: [Double?]
            /// 1 − kept: the drop that the other one causes.
            package let drop: [Double?]
            /// Cosine of d and e: below 1 where something else changes too.
            package let cosine: [Double?]
        }

        package let adapters: [String]
        package let prompts: [String]
        package let density: Double
        package let cells: [Cell]
        /// Norms and cosines of ΔW by layer, at the strengths that 1 stands for.
        package let weights: AdapterComparison
        package let picture: String
        package let warnings: [String]
    }

    /// Draws what is not drawn yet and writes `grid.png`.
    ///
    /// - Throws: `SampleError` for what cannot be compared, `AdapterError` for adapters that do not fit.
    package func run(
        report: (String) -> Void = { _ in }, progress: (_ done: Int, _ of: Int) -> Void = { _, _ in }
    ) throws -> Report {
        try check()
        let weights = try AdapterComparison(adapters: adapters, base: settings.base)
        var warnings = weights.warnings
        let places = rules.flatMap { rule in
            strengths.flatMap { b in strengths.map { a in Place(rule: rule, factors: [a, b]) } }
        }
        var used: [Place: [GridImage.Used]] = [:]
        for place in places { used[place] = try adaptersAt(place, &warnings) }
        let drawing = try GridDrawing(settings)
        func images(_ adapters: [GridImage.Used], _ prompt: String) -> [GridImage] {
            seeds.map {
                GridImage(prompt: prompt, negative: negative, seed: $0, adapters: adapters, setup: setup)
            }
        }
        var wanted: [GridImage] = []
        for prompt in prompts {
            wanted += images([], prompt)
            for place in places { wanted += images(used[place] ?? [], prompt) }
        }
        for (own, prompt) in prompts.enumerated() {
            for factor in strengths { wanted += images(single(own, factor), prompt) }
        }
        try drawing.draw(wanted, report: report, progress: progress)
        func pictures(_ adapters: [GridImage.Used], _ prompt: String) throws -> [RGBImage] {
            try images(adapters, prompt).map { image in
                guard let path = try drawing.path(image) else {
                    throw SampleError(code: .output, message: "an image that was drawn is gone; keep --cache")
                }
                return try ImageFile.read(path)
            }
        }
        let cells = try places.map { place in
            let effects = try adapters.indices.map { own -> (kept: Double, cosine: Double)? in
                guard place.factors[own] != 0 else { return nil }
                let prompt = prompts[own]
                return try Self.effect(
                    of: pictures(single(own, place.factors[own]), prompt), in: pictures(used[place] ?? [], prompt),
                    base: pictures([], prompt))
            }
            return Report.Cell(
                rule: place.rule.kind.rawValue, strengths: place.factors, kept: effects.map { $0?.kept },
                drop: effects.map { $0.map { 1 - $0.kept } }, cosine: effects.map { $0?.cosine })
        }
        let picture = out + "/grid.png"
        try PNGFile.write(
            try grid(places) { place, prompt in try pictures(used[place] ?? [], prompt)[0] }, to: picture,
            text: [("Software", "radiata")])
        return Report(
            adapters: adapters.map(\.path), prompts: prompts, density: rules.first?.density ?? 0, cells: cells,
            weights: weights, picture: picture, warnings: warnings)
    }

    /// A rule with both factors.
    private struct Place: Hashable {
        let rule: CombinationRule
        let factors: [Double]
    }

    private func check() throws {
        guard adapters.count == 2, prompts.count == 2 else {
            throw SampleError(
                code: .arguments, message: "\(adapters.count) adapters and \(prompts.count) prompts: wanted two of each"
            )
        }
        guard strengths.contains(0), Set(strengths).count == strengths.count, strengths.count > 1 else {
            throw SampleError(
                code: .arguments, message: "strengths \(strengths): wanted different ones, with 0 among them")
        }
        guard !seeds.isEmpty, !rules.isEmpty else {
            throw SampleError(code: .arguments, message: "no seed or no rule: wanted one at least")
        }
        try OutputFolder.make(out)
    }

    private func single(_ own: Int, _ factor: Double) -> [GridImage.Used] {
        [.init(path: adapters[own].path, strength: adapters[own].strength * factor)]
    }

    /// Both adapters as they are, or the one that a rule makes of them.
    private func adaptersAt(_ place: Place, _ warnings: inout [String]) throws -> [GridImage.Used] {
        guard place.rule.kind != .sum, !place.factors.contains(0) else {
            return adapters.indices.flatMap { single($0, place.factors[$0]) }
        }
        let folder = out + "/combined"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let name = "\(place.rule.kind.rawValue)-\(place.factors[0])-\(place.factors[1])"
        let path = "\(folder)/\(name).safetensors"
        let combination = AdapterCombination(
            base: settings.base,
            adapters: zip(adapters, place.factors).map { ($0.path, $0.strength * $1) }, rule: place.rule)
        for warning in try combination.write(to: path) where !warnings.contains(warning) { warnings.append(warning) }
        return [.init(path: path, strength: 1)]
    }

    /// How much of an effect is there, over all pixels of all images: the share along it, and the cosine.
    static func effect(
        of alone: [RGBImage], in together: [RGBImage], base: [RGBImage]
    ) -> (kept: Double, cosine: Double)? {
        var (inner, own, found) = (0.0, 0.0, 0.0)
        for (place, image) in alone.enumerated() {
            for i in image.pixels.indices {
                let ground = Int(base[place].pixels[i])
                let e = Double(Int(image.pixels[i]) - ground)
                let d = Double(Int(together[place].pixels[i]) - ground)
                inner += d * e
                own += e * e
                found += d * d
            }
        }
        guard own > 0 else { return nil }
        return (inner / own, found > 0 ? inner / (own * found).squareRoot() : 0)
    }

    /// The first seed's images: the first adapter's strength along the columns, the second's along the rows,
    /// one panel for each rule and prompt.
    private func grid(_ places: [Place], _ picture: (Place, String) throws -> RGBImage) throws -> RGBImage {
        let names = adapters.map { SampleText.name($0.path) }
        let values = strengths.map { SampleText.number($0) }
        let shown = prompts[0] == prompts[1] ? [prompts[0]] : prompts
        let panels = rules.flatMap { rule in shown.map { (rule: rule, prompt: $0) } }
        let grid = ImageGrid(
            title: names.joined(separator: " × "), x: .init(name: names[0], values: values),
            y: .init(name: names[1], values: values),
            z: .init(name: "rule", values: panels.map { "\($0.rule.kind.rawValue): \($0.prompt)" }), side: side)
        return try grid.picture { place in
            let panel = panels[place.z]
            return .image(
                try picture(
                    Place(rule: panel.rule, factors: [strengths[place.x], strengths[place.y]]), panel.prompt))
        }
    }
}
