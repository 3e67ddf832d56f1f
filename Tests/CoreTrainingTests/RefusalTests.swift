import CoreDiffusion
import CoreNets
import CoreTensor
import CoreTools
import CoreTraining
import Foundation
import ImageFiles
import RunSpec
import Testing

@Suite("What a job is refused for")
struct RefusalTests {
    @Test("what the user can mend is a refusal; what a disk or a damaged state did is none")
    func refusals() {
        let refused: [any Error] = [
            TrainingError(code: .job, message: "m"), ImageFileError(code: .damaged, message: "m"),
            DiffusionError(code: .missingFile, message: "m"), NetsError(code: .missingWeight, message: "m"),
            TensorError(.malformed, "m"), RunSpecError(code: .badRecord, message: "m"),
        ]
        for error in refused { #expect(TrainingAttempt.isRefusal(error), "\(type(of: error))") }
        let others: [any Error] = [
            TrainingError(code: .state, message: "m"), TrainingError(code: .file, message: "m"),
            ImageFileError(code: .unwritable, message: "m"), NetsError(code: .wrongState, message: "m"),
            TensorError(.unwritable, "m"), CocoaError(.fileWriteUnknown),
            DiffusionError(code: .unreadable, message: "x: No space left on device"),
        ]
        for error in others { #expect(!TrainingAttempt.isRefusal(error), "\(type(of: error))") }
    }
}
