import SweepFile
import SweepModel
import Testing

@Suite("Budgets in sweep files")
struct BudgetFormatTests {
    private static func file(_ budget: String) -> String {
        """
        name: t
        trainer: { command: [train, "{lr}"] }
        \(budget)
        groups: [ { list: [ { lr: 1 } ] } ]
        """
    }

    @Test("hours, money, or both; they decide no job")
    func forms() throws {
        let plain = try read(Self.file("priority: 0"))
        #expect(plain.definition.budget == nil)
        for (text, budget) in [
            ("budget: { hours: 40 }", SweepBudget(hours: 40)), ("budget: { money: 2.5 }", SweepBudget(money: 2.5)),
            ("budget: { hours: 0.5, money: 25 }", SweepBudget(hours: 0.5, money: 25)),
        ] {
            let read = try read(Self.file(text))
            #expect(read.definition.budget == budget)
            #expect(read.plan.jobs.map(\.id) == plain.plan.jobs.map(\.id))
        }
    }

    @Test(
        "what is none is refused with its line",
        arguments: [
            ("budget: {}", "budget is empty"), ("budget: 40", "budget is the number 40; wanted a map"),
            ("budget: { hours: 0 }", "budget.hours is 0"), ("budget: { hours: -1 }", "at least 0"),
            ("budget: { euros: 3 }", "unknown key 'euros' in budget"), ("budget: { money: much }", "wanted a number"),
        ])
    func faults(text: String, words: String) {
        let error = #expect(throws: SweepFileError.self) { try read(Self.file(text)) }
        #expect(
            error?.faults.contains { $0.mark.line == 3 && $0.message.contains(words) } == true,
            "\(String(describing: error))")
    }
}
