/// What a sweep may take before nothing of it is handed out any more.
package struct SweepBudget: Codable, Equatable, Sendable {
    /// Of attempts: two that run side by side for an hour take two.
    package var hours: Double?
    /// In whatever the workers' label `price` counts: its price an hour, shared by the worker's slots.
    package var money: Double?

    package init(hours: Double? = nil, money: Double? = nil) {
        self.hours = hours
        self.money = money
    }

    package var isEmpty: Bool { hours == nil && money == nil }

    /// The other's where this one says nothing.
    package func filled(from other: SweepBudget) -> SweepBudget {
        SweepBudget(hours: hours ?? other.hours, money: money ?? other.money)
    }

    /// `40 h and 25 of money`.
    package var text: String {
        [hours.map { "\(Self.digits($0)) h" }, money.map { "\(Self.digits($0)) of money" }].compactMap { $0 }
            .joined(separator: " and ")
    }

    /// Two digits after the point, four of small values: `0.0025`, `1.25`, `40`.
    package static func digits(_ value: Double) -> String {
        let scale = abs(value) < 0.995 ? 1e4 : 100
        let text = "\((min(max(value, -1e12), 1e12) * scale).rounded() / scale)"
        return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
    }
}

/// A budget and what of it is gone.
package struct BudgetStanding: Codable, Equatable, Sendable {
    package var budget: SweepBudget
    /// What attempts have taken, those that run included.
    package var hours: Double
    package var money: Double

    package init(budget: SweepBudget, hours: Double, money: Double) {
        self.budget = budget
        self.hours = hours
        self.money = money
    }

    package var isSpent: Bool {
        budget.hours.map { hours >= $0 } ?? false || budget.money.map { money >= $0 } ?? false
    }

    /// `3.2 of 40 h, 1.1 of 25 of money`.
    package var text: String {
        [
            budget.hours.map { "\(SweepBudget.digits(hours)) of \(SweepBudget.digits($0)) h" },
            budget.money.map { "\(SweepBudget.digits(money)) of \(SweepBudget.digits($0)) of money" },
        ].compactMap { $0 }.joined(separator: ", ")
    }
}

/// A worker's label that says what an hour of it costs.
package enum PriceLabel {
    package static let name = "price"

    /// What an hour of one slot costs; nil where the worker says nothing, or no number.
    package static func ofSlot(_ labels: [String: String], slots: Int) -> Double? {
        guard let price = labels[name].flatMap(Double.init), price.isFinite, price >= 0 else { return nil }
        return price / Double(max(1, slots))
    }
}
