import Foundation
import TestSupport
import Testing

/// A program that asks at a keyboard: real processes, of a sweep.
@Suite("A trainer that waits for a keyboard")
struct PromptTests {
    private func ended(_ script: String, _ text: String) throws -> String {
        let house = try House()
        try house.startCoordinator()
        let program = try house.folder.write(script, text)
        let file = try house.folder.write(
            "sweep.yaml", "name: ask\ntrainer: { command: [python3, -u, \(program)] }\ngroups: [ { list: [ {} ] } ]\n")
        let launched = try house.radiata(["launch", file])
        try #require(launched.status == 0, "\(launched)")
        _ = try house.startWorker("worker")
        try house.waitForEnd()
        return try house.radiata(["show", try house.onlyJob()]).output
    }

    @Test("one that hangs is ended, as badly configured, with what it asked and what to do")
    func hangs() throws {
        let shown = try ended(
            "hang.py",
            """
            import sys, time
            print("loading the model")
            sys.stdout.write("wandb: Enter your choice: ")
            sys.stdout.flush()
            while True:
                time.sleep(60)

            """)
        #expect(shown.contains("bad-config") && shown.contains("wandb: Enter your choice:"), "\(shown)")
        #expect(shown.contains("WANDB_MODE=offline"), "\(shown)")
    }

    @Test("one that finds no keyboard and ends is no crash that is worth another try")
    func ends() throws {
        let shown = try ended("ask.py", "input('Overwrite the folder? [y/N] ')\n")
        #expect(shown.contains("bad-config") && shown.contains("Overwrite the folder? [y/N]"), "\(shown)")
        #expect(!shown.contains("Traceback (most"), "\(shown)")
    }
}
