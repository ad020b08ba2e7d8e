#!/usr/bin/env python3
"""What cuda_instructions.py counts, on machine code that is written down here."""
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import cuda_instructions as counted


def code(*lines):
    text = "\t\tFunction : kernel\n" + "".join(
        f"        /*{16 * n:04x}*/ {line} ;  /* 0x0 */\n" for n, line in enumerate(lines))
    return counted.functions_of(text)["kernel"]


class CudaInstructions(unittest.TestCase):
    def test_the_longest_of_two_branches_counts(self):
        kernel = code("@P0 BRA 0x40", "MOV R1, R2", "MOV R1, R2", "EXIT", "MOV R1, R2", "EXIT")
        self.assertEqual(len(counted.longest_way(kernel)), 4)

    def test_what_lies_before_the_last_wait_for_products_does_not_count(self):
        kernel = code("MOV R1, R2", "WARPGROUP.DEPBAR.LE gsb0, 0x0", "STG.E [R2.64], R1", "@P0 BRA 0x0", "EXIT")
        self.assertEqual([i.op for i, _ in counted.longest_way(kernel)], ["STG", "BRA", "EXIT"])

    def test_a_stage_that_is_made_is_a_turn_of_its_loop(self):
        making = code("MOV R1, R2", "STS.128 [R2], R4", "@P0 BRA 0x40", "UTMALDG.2D [UR24], [UR20]", "STS.128 [R2], R4",
                      "@P1 BRA 0x10", "@P2 BRA 0x0", "EXIT")
        self.assertEqual([i.op for i in (i for i, _ in counted.way_of_making(making))],
                         ["STS", "BRA", "UTMALDG", "STS", "BRA"])
        multiplying = code("HGMMA.64x160x16.F32.BF16 R24", "STS.128 [R2], R4", "UTMALDG.2D [UR24], [UR20]", "@P0 BRA 0x0",
                           "EXIT")
        self.assertEqual(counted.way_of_making(multiplying), [])

    def test_a_stage_that_is_changed_is_a_turn_with_all_its_boxes(self):
        changing = code("SYNCS.PHASECHK.TRANS64.TRYWAIT P0, [R2], R3", "LDS.128 R4, [R2]", "STS.128 [R2], R4", "@P1 BRA 0x10",
                        "FENCE.VIEW.ASYNC.S", "SYNCS.ARRIVE.TRANS64.A1T0 RZ, [R2], RZ", "@P2 BRA 0x0", "EXIT")
        by_k = "gemm_wgmma<WgmmaTile<256, 128, (Contiguous)1, (Contiguous)1, 0>, S, Normalised>"
        by_rows = by_k.replace("(Contiguous)1", "(Contiguous)0")
        self.assertEqual([len(counted.way_of_changing(name, changing)) for name in (by_rows, by_k)], [7, 7 + 3 * 3])
        self.assertTrue(counted.gives_it_over(counted.way_of_changing(by_rows, changing)))
        hasty = code("LDS.128 R4, [R2]", "FENCE.VIEW.ASYNC.S", "STS.128 [R2], R4", "SYNCS.ARRIVE.TRANS64.A1T0 RZ, [R2], RZ",
                     "@P2 BRA 0x0", "EXIT")
        self.assertFalse(counted.gives_it_over(counted.way_of_changing(by_rows, hasty)))

    def test_powers_in_double_precision_are_a_loop_of_17(self):
        kernel = code("DMUL R2, R2, R2", "@P0 BRA 0x0", "EXIT")
        self.assertEqual(counted.counts_of("kernel", kernel)[0], str(2 * 17 + 1))
        self.assertEqual(counted.counts_of("kernel", kernel)[5], "17")
        once = code("FMUL R2, R2, R2", "@P0 BRA 0x0", "EXIT")
        self.assertEqual(counted.counts_of("kernel", once)[0], "3")

    def test_loads_are_in_flight_until_one_is_used(self):
        apart = code("LDG.E R4, [R2.64]", "FADD R5, R4, R4", "LDG.E R6, [R2.64]", "FADD R5, R6, R6", "EXIT")
        together = code("LDG.E R4, [R2.64]", "LDG.E R6, [R2.64]", "FADD R5, R4, R4", "FADD R5, R6, R6", "EXIT")
        wide = code("LDG.E.128 R4, [R2.64]", "LDG.E R8, [R2.64]", "FADD R5, R7, R7", "LDG.E R9, [R2.64]", "EXIT")
        self.assertEqual([counted.loads_in_flight(counted.longest_way(k)) for k in (apart, together, wide)], [1, 2, 2])

    def test_shared_memory_is_counted_by_its_width(self):
        kernel = code("LDS.128 R4, [R2]", "STS R4, [R2]", "STSM.16.M88.4 [R2], R4", "SHFL.BFLY PT, R4, R4, 0x1", "EXIT")
        name = "gemm_wgmma<WgmmaTile<128, 80, (Contiguous)0"
        self.assertEqual(counted.counts_of(name, kernel)[3], "0.25")  # 10 of 40 elements
        self.assertEqual(counted.counts_of("gemm_wgmma_in_turns<TurnsTile<80, 1024>", kernel)[3], "0.12")  # of 80

    def test_a_random_call_counts_where_it_is_called(self):
        kernel = code("CALL.REL.NOINC 0x20", "EXIT", "IMAD.WIDE.U32 R2, R2, -0x326172a9, RZ", "RET.REL.NODEC R4 0x0")
        slow_root = code("CALL.REL.NOINC 0x20", "EXIT", "FMUL R2, R2, R2", "RET.REL.NODEC R4 0x0")
        self.assertEqual(len(counted.longest_way(kernel)), 4)
        self.assertEqual(len(counted.longest_way(slow_root)), 2)

    def test_a_kernel_that_reads_before_it_waits_is_found(self):
        self.assertTrue(counted.waits_first(code("ACQBULK", "PREEXIT", "LDG.E R4, [R2.64]", "EXIT")))
        self.assertFalse(counted.waits_first(code("LDG.E R4, [R2.64]", "ACQBULK", "PREEXIT", "EXIT")))
        self.assertFalse(counted.waits_first(code("STG.E [R2.64], R4", "EXIT")))
        self.assertTrue(counted.waits_first(code("EXIT")))

    def test_a_difference_names_both_counts(self):
        lines = counted.differences({"a": ("1",) * 7}, {"a": ("2",) + ("1",) * 6, "b": ("1",) * 7})
        self.assertEqual(len(lines), 2)
        self.assertIn("the table says instructions 1,", lines[0])
        self.assertIn("this build     instructions 2,", lines[0])
        self.assertIn("no such kernel", lines[1])
        self.assertEqual(counted.differences({"a": ("1",)}, {"a": ("1",)}), [])

    def test_names_are_those_of_the_table_of_registers(self):
        self.assertEqual(counted.without_parameters(
            "void bragg::cuda::(anonymous namespace)::fold<bragg::BFloat16>(long, bragg::cuda::Folded)"), "fold<BFloat16>")


if __name__ == "__main__":
    unittest.main()
