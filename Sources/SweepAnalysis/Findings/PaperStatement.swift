import RunSpec

/// A statement of the LyCORIS paper (Yeh et al. 2024), and whether a sweep says the same.
package struct PaperStatement: Equatable, Sendable {
    package enum Verdict: String, Equatable, Sendable, CaseIterable {
        case holds
        case inPart = "holds in part"
        case fails = "does not hold"
        case open = "cannot be told"

        /// Of several: what is open does not count where anything is not.
        static func of(_ verdicts: [Verdict]) -> Verdict {
            let told = verdicts.filter { $0 != .open }
            if told.isEmpty { return .open }
            if told.allSatisfy({ $0 == .holds }) { return told.count == verdicts.count ? .holds : .inPart }
            return told.allSatisfy { $0 == .fails } && told.count == verdicts.count ? .fails : .inPart
        }
    }

    /// What one measure says.
    package struct Part: Equatable, Sendable {
        /// nil where it compares measures with each other.
        package var measure: Criterion?
        package var verdict: Verdict
        /// The change of the measure; nil where there is no single one.
        package var effect: Estimate?
        /// A sentence with the numbers.
        package var text: String
    }

    /// As in the list that `docs/explanation/importance.md` has.
    package var number: Int
    package var claim: String
    package var verdict: Verdict
    package var parts: [Part]
    /// Sentences about where it holds and where it does not.
    package var notes: [String]
}

extension SweepResultSet {
    /// The paper's statements that these results say something about; empty where the sweep has none of their
    /// axes.
    package func paperStatements() -> [PaperStatement] {
        let maker = StatementMaker(self)
        let all = [maker.epochs(), maker.rates(), maker.layers(), maker.capacity(), maker.advice()]
        return all.contains { $0.parts.contains { $0.effect != nil } } ? all : []
    }
}

extension [PaperStatement] {
    /// `Of the paper's statements 4 holds; 1, 2 and 5 hold in part.`
    package var summary: String {
        let parts = PaperStatement.Verdict.allCases.compactMap { verdict -> String? in
            let numbers = filter { $0.verdict == verdict }.map { "\($0.number)" }
            guard !numbers.isEmpty else { return nil }
            let text = verdict.rawValue
            let verb =
                numbers.count == 1
                ? text : text.replacing("holds", with: "hold").replacing("does", with: "do")
            return "\(NumberWords.list(numbers)) \(verb)"
        }
        return "Of the LyCORIS paper's statements " + parts.joined(separator: "; ") + "."
    }
}
