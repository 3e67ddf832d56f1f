package import RunSpec

/// Which configuration is best, how sure that is, and what would make it surer.
package struct SweepAnswer: Equatable, Sendable {
    /// One configuration, with the checkpoint that competes for it.
    package struct Row: Equatable, Sendable {
        /// From 1; best first.
        package var rank: Int
        package var configuration: String
        package var group: String
        package var label: String
        package var parameters: [String: ParameterValue]
        /// Its name; nil where only curves were read.
        package var checkpoint: String?
        package var epoch: Int
        package var step: Int
        /// The training seeds behind it, sorted, and their jobs in the same order.
        package var seeds: [Int]
        package var jobs: [String]
        /// By the rule, one a job in the order of `jobs`; empty where a value is not finite.
        package var scores: [Double] = []
        /// By the rule; higher is better.
        package var score: Estimate
        /// What the score is expected to be when measured again: the best of many looks better than it is.
        /// nil without a known spread.
        package var shrunkenScore: Double?
        /// One per criterion of the rule.
        package var criteria: [Estimate]
        /// The chance that no other configuration is better; nil without a known spread.
        package var bestProbability: Double?
        /// Ranks whose scores cannot be told from this one's.
        package var tiedWith: [Int]
        /// Ranks that are better in one criterion and worse in none, by their means. Empty on the Pareto
        /// front.
        package var dominatedBy: [Int]
        package var findings: [Finding]

        package var isOnParetoFront: Bool { dominatedBy.isEmpty }

        /// `not separable from the next 2`, in words for one line.
        package var separation: String {
            if tiedWith.isEmpty { return "separate from all others" }
            let isTheNext = tiedWith == tiedWith.indices.map { rank + 1 + $0 }
            return "not separable from " + (isTheNext ? "the next \(tiedWith.count)" : NumberWords.ranks(tiedWith))
        }
    }

    package var sweep: String
    package var rule: DecisionRule
    /// Best first; of a large sweep the first ones.
    package var rows: [Row]
    /// Configurations that are ranked, also those without a row.
    package var count: Int
    /// False where nothing tells how far seeds spread: then no best is named.
    package var isEstablished: Bool
    /// Whether differences were taken seed by seed.
    package var isPaired: Bool
    /// Where the spread of the first criterion with values of single images comes from; nil without such.
    package var spread: MeasureSpread?
    /// In plain English, a sentence each: the answer first, then the rule, then what else must be known.
    package var words: [String]
    /// What the reader should know before trusting it, a sentence each.
    package var warnings: [String]
    /// nil where nothing is left to tell apart.
    package var advice: Advice?

    package var best: Row? { rows.first }

    /// Whether the best one stands apart from every other.
    package var isSeparated: Bool { isEstablished && rows.first?.tiedWith.isEmpty == true }
}

/// The sources of a measure's spread.
package struct MeasureSpread: Equatable, Sendable {
    package var criterion: Criterion
    package var sources: SpreadBySource

    package init(criterion: Criterion, sources: SpreadBySource) {
        self.criterion = criterion
        self.sources = sources
    }
}

/// What a configuration's numbers say together (rules after AnimaLoraStudio's ADR 0011).
package struct Finding: Equatable, Sendable {
    package enum Kind: String, Equatable, Sendable, CaseIterable {
        case overfitted = "over-fitted"
        case copying
        case undertrained = "under-trained"
        case collapsed
    }

    package var kind: Kind
    /// A sentence with the numbers.
    package var text: String

    package init(kind: Kind, text: String) {
        self.kind = kind
        self.text = text
    }
}

/// Which jobs would tell what is still open.
package struct Advice: Equatable, Sendable {
    /// Ranks of the configurations that should be trained again.
    package var ranks: [Int]
    /// Seeds that none of the sweep's jobs has.
    package var seeds: [Int]
    /// A sentence.
    package var text: String
    /// The part of a sweep file: these configurations as a `list` group, with these seeds.
    package var fragment: String

    package init(ranks: [Int], seeds: [Int], text: String, fragment: String) {
        self.ranks = ranks
        self.seeds = seeds
        self.text = text
        self.fragment = fragment
    }
}
