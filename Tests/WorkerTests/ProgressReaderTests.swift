import Foundation
import RunSpec
import TestSupport
import Testing
import Worker

@Suite("How far a trainer is, for people")
struct ProgressReaderTests {
    /// As tqdm 4.66 writes them, without its carriage return.
    @Test(
        "the bar that Python trainers draw is read; the last one where there are two",
        arguments: [
            (
                "steps:  30%|███       | 120/400 [00:41<01:35,  2.94it/s, avr_loss=0.0831]",
                ProgressExtent(done: 120, total: 400, unit: "")
            ),
            ("  0%|          | 0/10 [00:00<?, ?it/s]", ProgressExtent(done: 0, total: 10, unit: "")),
            (
                "epoch 1/3:  10%|█ | 1/10 [00:01<00:09] steps: 5%| | 7/140 [00:01<00:19]",
                ProgressExtent(done: 7, total: 140, unit: "")
            ),
            ("loss 1/2 of what it was", nil), ("[3/4] loading", nil), ("", nil),
            ("x 99999999999999/99999999999999 [", nil),
        ] as [(String, ProgressExtent?)])
    func bars(line: String, wanted: ProgressExtent?) {
        #expect(ProgressReader.bar(line) == wanted)
    }

    @Test("what a trainer says of itself comes first, is told once, and nonsense is passed over")
    func own() throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/progress.json"
        var reader = ProgressReader(path: path)
        #expect(reader.newest(log: "") == nil)
        let record = ProgressRecord(phase: "drawing", extent: ProgressExtent(done: 3, total: 8, unit: "images"))
        try JSONEncoder().encode(record).write(to: URL(fileURLWithPath: path), options: .atomic)
        #expect(reader.newest(log: "50%| | 1/2 [") == record)
        #expect(reader.newest(log: "") == nil)
        try Data("{".utf8).write(to: URL(fileURLWithPath: path), options: .atomic)
        #expect(reader.newest(log: "") == nil)
        let odd = ProgressRecord(phase: "x", extent: ProgressExtent(done: 9, total: 8, unit: "images"))
        try JSONEncoder().encode(odd).write(to: URL(fileURLWithPath: path), options: .atomic)
        #expect(reader.newest(log: "") == nil)
    }
}
