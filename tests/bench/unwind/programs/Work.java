// SPDX-License-Identifier: Apache-2.0
// Compiled code that allocates, sorts and hashes on two threads.
import java.util.Arrays;
import java.util.HashMap;
import java.util.Random;

public class Work {
    static void work(long seed) {
        Random random = new Random(seed);
        HashMap<String, Integer> counts = new HashMap<>();
        while (true) {
            int[] numbers = random.ints(1000).toArray();
            Arrays.sort(numbers);
            counts.merge(Integer.toString(numbers[0] % 997), 1, Integer::sum);
        }
    }

    public static void main(String[] arguments) {
        new Thread(() -> work(1)).start();
        work(2);
    }
}
