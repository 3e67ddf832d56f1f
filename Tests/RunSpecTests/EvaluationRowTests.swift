import Foundation
import RunSpec
import Testing

@Suite("Lines of evaluations")
struct EvaluationRowTests {
    private func row(_ value: Double?, _ values: [Double?]?) -> EvaluationRow {
        EvaluationRow(
            checkpoint: "step-00000002", epoch: 1, step: 2, class: "cat", prompts: "train", metric: "paired_fidelity",
            value: value, n: 3, values: values)
    }

    @Test("a line of an earlier program is read, and one without values is written as it was")
    func older() throws {
        let line =
            #"{"checkpoint":"step-00000002","class":"cat","epoch":1,"metric":"paired_fidelity","n":3,"#
            + #""prompts":"train","step":2,"value":0.5}"#
        #expect(try JSONDecoder().decode(EvaluationRow.self, from: Data(line.utf8)) == row(0.5, nil))
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        #expect(String(decoding: try encoder.encode(row(0.5, nil)), as: UTF8.self) == line)
    }

    @Test("values come back, those without a number as null")
    func values() throws {
        let sent = row(.infinity, [0.25, nil, .nan]).finite
        #expect(sent == row(nil, [0.25, nil, nil]))
        let bytes = try JSONEncoder().encode(sent)
        #expect(String(decoding: bytes, as: UTF8.self).contains("[0.25,null,null]"))
        #expect(try JSONDecoder().decode(EvaluationRow.self, from: bytes) == sent)
    }
}
