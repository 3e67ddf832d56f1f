import RunSpec
import SweepModel

/// The fifth statement.
extension StatementMaker {
    func capacity() -> PaperStatement {
        let up = design.stars.compactMap { capacityPair($0) }
        var parts = table.measures.compactMap { measure in
            contrast(up, measure).map {
                part(measure, $0, expected: Self.more(measure.role), from: "with more capacity")
            }
        }
        parts += [likeRates(up), likeEpochs(up, "More capacity")].compactMap { $0 }
        let reversed = design.stars.flatMap(smallScalePairs)
        parts += table.measures.compactMap { measure in
            contrast(reversed, measure).map {
                part(measure, $0, expected: -Self.more(measure.role), from: "with more capacity at a small alpha")
            }
        }
        return statement(
            5,
            "More capacity at an equal ratio of alpha to dim acts like a higher learning rate or more epochs; with alpha 1 it "
                + "is reversed.", parts, turns(up),
            without: "no configurations differ in dim and alpha, or in factor, alone")
    }

    private static let capacityParameters: Set<String> = ["dim", "alpha", "conv_dim", "conv_alpha"]

    private func number(_ configuration: String, _ name: String) -> Double? {
        design.parameters[configuration]?[name]?.number
    }

    /// Alpha over dim; 1 where alpha is left out.
    private func ratio(_ configuration: String) -> Double? {
        number(configuration, "dim").map { (number(configuration, "alpha") ?? $0) / $0 }
    }

    /// More dim at the same ratio, or a smaller factor: the change that is largest.
    private func capacityPair(_ star: OneAtATime.Star) -> Pair? {
        let dims =
            ([star.baseline]
            + star.changes.filter { $0.parameters.allSatisfy(Self.capacityParameters.contains) }
            .map(\.configuration)).filter { ratio($0) == ratio(star.baseline) }
            .compactMap { id in number(id, "dim").map { (size: $0, id: id) } }
        let factors = ([star.baseline] + star.changes.filter { $0.parameters == ["factor"] }.map(\.configuration))
            .compactMap { id in number(id, "factor").map { (size: -$0, id: id) } }
        for sizes in [dims, factors] {
            guard let base = sizes.first(where: { $0.id == star.baseline }),
                let most = sizes.max(by: { $0.size < $1.size }),
                let least = sizes.min(by: { $0.size < $1.size })
            else { continue }
            if most.size > base.size { return (most.id, base.id) }
            if least.size < base.size { return (base.id, least.id) }
        }
        return nil
    }

    private func smallScalePairs(_ star: OneAtATime.Star) -> [Pair] {
        star.changes.filter { change in
            guard change.parameters.allSatisfy(Self.capacityParameters.contains),
                let (dim, base) = number(change.configuration, "dim").flatMap({ own in
                    number(star.baseline, "dim").map { (own, $0) }
                }),
                let (own, usual) = ratio(change.configuration).flatMap({ own in ratio(star.baseline).map { (own, $0) } }
                )
            else { return false }
            return dim > base && own < usual
        }.map { ($0.configuration, star.baseline) }
    }
}
